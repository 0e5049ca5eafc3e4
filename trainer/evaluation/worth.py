"""Which answers of a new version are worth publishing, judged on the newest sessions of its log.

A head is worth it where it is surely better than chance (what is true of all clicks alike: the base rate, the
commonest class, the mean) and not surely worse than a simple baseline (logistic regression, a table of
transitions, ridge regression, an item's mean). "Surely" is by 95% intervals over visitors. Heads that are not
stay silent unless all are asked for; the version keeps what was found, and why, in its metrics.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import quality_metrics
from models.contract.head_table import HeadPart, Kind, Layout
from models.registry.registry import Parts
from trainer.baselines import logistic
from trainer.evaluation import head_baselines
from trainer.evaluation.evaluate import answers, tiers
from trainer.evaluation.heads_report import METRICS, known_labels
from trainer.examples.examples import Examples
from trainer.examples.labels import LABELS, Paths
from trainer.loop.targets import HeadPlan

Values = NDArray[np.floating]
Labels = NDArray[Any]
Metric = Callable[[Any, Any], float]
#: Where a version keeps what is found here.
HEADS: Final = "heads"
INTENT: Final = "intent"
#: Groups of visitors, each of which is left out once (the delete-a-group jackknife; Kott 2001), and how many
#: standard errors 95% are with so few.
GROUPS: Final = 20
_QUANTILE: Final = 2.09
LOGISTIC: Final = "logistic regression"
#: How far it is ahead of itself from half of the visitors.
GAINED: Final = "all visitors ahead of half"
#: With fewer clicks of either outcome, or fewer labels at all, nothing can be said of a head.
LEAST: Final = 10
#: What of `head_baselines` knows nothing of the click.
CHANCE: Final = ("base_rate", "popular", "mean")


class Lead(NamedTuple):
    """How far one is ahead of another by a metric, with its 95% interval."""

    by: float
    low: float
    high: float


def lead(metric: Metric, one: Values, other: Values, label: Labels, group: NDArray[np.int64]) -> Lead:
    """The difference on all rows [N], and its interval from leaving out each `group` [N] of visitors once."""
    apart = metric(one, label) - metric(other, label)
    without = []
    for number in range(GROUPS):
        kept = group != number
        without.append(metric(one[kept], label[kept]) - metric(other[kept], label[kept]))
    spread = np.sqrt((GROUPS - 1) / GROUPS * np.square(np.array(without) - np.mean(without)).sum())
    width = _QUANTILE * float(spread)
    return Lead(float(apart), float(apart) - width, float(apart) + width)


def judged(parts: Parts, train: Examples, valid: Examples, publish_all: bool = False) -> dict[str, Any]:
    """What a version's metrics say of its answers, from a training on `train`, judged on `valid`.

    `{"intent": {...}, "heads": {head: {metric, value, chance, baseline, by, published, reason, ...}}}`.
    """
    grouped = valid.grouped()
    found = answers(tiers(parts)["neural"], grouped)
    group = np.unique(grouped.visitor, return_inverse=True)[1] % GROUPS
    made: dict[str, Any] = {INTENT: intent(found.purchase, train, grouped, group)}
    if parts.network.tasks is None or found.tasks is None:
        return made
    heads = _heads(parts, train, grouped, found.tasks, group)
    for one in heads.values():
        if publish_all and not one["published"]:
            one |= {"published": True, "reason": f"asked for, though {one['reason']}"}
    return made | {HEADS: heads}


def _heads(
    parts: Parts, train: Examples, grouped: Examples, told: Labels, group: NDArray[np.int64]
) -> dict[str, dict[str, Any]]:
    planned = HeadPlan.of(parts.network.config)
    paths, inputs = Paths(grouped, planned.churn_days), head_baselines.columns(grouped)
    states = head_baselines.learn(train, planned, quick=True)
    made: dict[str, dict[str, Any]] = {}
    for part in Layout.of(planned.tasks).parts:
        name = part.head.name
        if part.head.kind is Kind.RISK:
            made[name] = {"published": True, "reason": "it is counted, not learned, and not judged here"}
            continue
        label = LABELS[name](paths, part)
        known = known_labels(label)
        others = head_baselines.said(states[name], part, grouped, inputs)
        others = {other: said[known] for other, said in others.items()}
        made[name] = head(part, label[known], told[known, part.answers], others, group[known])
    return made


def head(
    part: HeadPart, label: Labels, told: Values, others: Mapping[str, Values], group: NDArray[np.int64]
) -> dict[str, Any]:
    """One head's figures on clicks with a label, whether it is worth publishing, and why."""
    if _too_few(part, label):
        return {"n": len(label), "published": False, "reason": _few(part, label)}
    metric: Metric = METRICS[part.head.metric]
    told = told if part.head.kind is Kind.CLASSES else told[:, 0]
    figures = {name: metric(other, label) for name, other in others.items()}
    chance = next(name for name in CHANCE if name in figures)
    better = lead(metric, told, others[chance], label, group)
    made = {"metric": part.head.metric, "value": metric(told, label), "n": len(label)}
    made |= {"chance": figures.pop(chance), "ahead of chance": better._asdict()}
    best = max(figures, key=figures.__getitem__, default=None)
    worse = None
    if best is not None:
        worse = lead(metric, told, others[best], label, group)
        made |= {"baseline": figures[best], "by": best, "ahead of baseline": worse._asdict()}
    if better.low <= 0:
        return made | {"published": False, "reason": "it is not surely better than chance"}
    if worse is not None and worse.high < 0:
        return made | {"published": False, "reason": f"it is worse than {worded(str(best))}"}
    return made | {"published": True, "reason": "it is better than chance, and no worse than what is simpler"}


def worded(name: str) -> str:
    """A baseline's name in a sentence."""
    return name.replace("_", " ")


def _counts(part: HeadPart, label: Labels) -> tuple[int, int]:
    if part.head.kind in (Kind.BINARY, Kind.SHARED):
        return int((label > 0).sum()), int((label == 0).sum())
    if part.head.kind is Kind.AMOUNT:
        return int((label > 0).sum()), len(label)
    return len(label), len(label)


def _too_few(part: HeadPart, label: Labels) -> bool:
    return min(_counts(part, label)) < LEAST


def _few(part: HeadPart, label: Labels) -> str:
    if not len(label):
        return "nothing can be said of it: the log ends too soon after its newest clicks, or never tells"
    happened, _ = _counts(part, label)
    known = f"nothing can be said of it: {len(label):,} of the newest clicks tell of it"
    counted = part.head.kind in (Kind.BINARY, Kind.SHARED, Kind.AMOUNT)
    return f"{known}, at {happened:,} it happened" if counted else known


def intent(told: Values, train: Examples, grouped: Examples, group: NDArray[np.int64]) -> dict[str, Any]:
    """Purchase intent beside chance and logistic regression, and what half of the visitors teach the latter.

    Empty where the log has one class only.
    """
    learned, rows = train.grouped(), grouped.judged
    label = grouped.buys[rows]
    line = _line(learned, grouped)
    if line is None or min(label.sum(), (~label).sum()) < LEAST:
        return {}
    half = _line(learned.part(learned.visitor % 2 == 0), grouped)
    share = np.full(len(label), label.mean(), dtype=np.float32)
    said = {"chance": share, LOGISTIC: line[rows]}
    made: dict[str, Any] = {"n": len(label), "positives": int(label.sum())}
    for name in ("auc", "average_precision"):
        metric: Metric = getattr(quality_metrics, name)
        one: dict[str, Any] = {"value": metric(told[rows], label)}
        for other, theirs in said.items():
            one[other] = metric(theirs, label)
            one[f"ahead of {other}"] = lead(metric, told[rows], theirs, label, group[rows])._asdict()
        if half is not None:
            one[GAINED] = lead(metric, line[rows], half[rows], label, group[rows])._asdict()
        made[name] = one
    return made


def _line(train: Examples, grouped: Examples) -> Values | None:
    """What logistic regression says of all clicks; None where there is one class only."""
    labels = train.buys[train.judged]
    if not 0 < labels.sum() < len(labels):
        return None
    return logistic.predict(logistic.learn(train, train), grouped)
