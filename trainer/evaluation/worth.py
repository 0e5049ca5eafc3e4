"""Which answers of a new version are good enough to publish, judged on the newest sessions of its log.

A head is published if it is significantly better than chance and not significantly worse than a simple
baseline. Chance is the same answer for every click: the base rate, the commonest class, the mean. Simple
baselines are logistic regression, a table of transitions, ridge regression and an item's mean. Significance
means a 95% interval over visitors. Other heads are not published unless all are requested; the version's
metrics keep the figures and the reason.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models import quality_metrics
from models.contract.head_table import HeadPart, Kind, Layout
from models.registry.registry import Parts
from trainer.baselines import logistic
from trainer.evaluation import head_baselines
from trainer.evaluation.evaluate import answers, tiers
from trainer.evaluation.heads_report import METRICS, known_labels
from trainer.evaluation.leads import GROUPS, Metric, lead
from trainer.examples.click_paths import Paths
from trainer.examples.examples import Examples
from trainer.examples.labels import LABELS
from trainer.loop.targets import HeadPlan

Values = NDArray[np.floating]
Labels = NDArray[Any]
#: Keys in a version's metrics of the figures computed here.
HEADS: Final = "heads"
INTENT: Final = "intent"
LOGISTIC: Final = "logistic regression"
#: Key of the lead of logistic regression trained on all visitors over the same trained on half of them.
GAINED: Final = "all visitors ahead of half"
#: With fewer clicks of either outcome, or fewer labels in all, a head is not judged.
LEAST: Final = 10
#: Baselines of `head_baselines` that do not depend on the click.
CHANCE: Final = ("base_rate", "popular", "mean")


def judge_answers(
    parts: Parts, train: Examples, valid: Examples, publish_all: bool = False
) -> dict[str, Any]:
    """Figures of a version trained on `train` and judged on `valid`, as entries of its metrics.

    `{"intent": {...}, "heads": {head: {metric, value, chance, baseline, by, published, reason, ...}}}`.
    """
    grouped = valid.grouped()
    answered = answers(tiers(parts)["neural"], grouped)
    group = np.unique(grouped.visitor, return_inverse=True)[1] % GROUPS
    figures: dict[str, Any] = {INTENT: intent(answered.purchase, train, grouped, group)}
    if parts.network.tasks is None or answered.tasks is None:
        return figures
    heads = _heads(parts, train, grouped, answered.tasks, group)
    for one in heads.values():
        if publish_all and not one["published"]:
            one |= {"published": True, "reason": f"requested, although {one['reason']}"}
    return figures | {HEADS: heads}


def _heads(
    parts: Parts, train: Examples, grouped: Examples, answered: Labels, group: NDArray[np.int64]
) -> dict[str, dict[str, Any]]:
    planned = HeadPlan.of(parts.network.config)
    paths, inputs = Paths(grouped, planned.churn_days), head_baselines.columns(grouped)
    states = head_baselines.learn(train, planned, quick=True)
    report: dict[str, dict[str, Any]] = {}
    for part in Layout.of(planned.tasks).parts:
        name = part.head.name
        if part.head.kind is Kind.RISK:
            report[name] = {"published": True, "reason": "it is counted, not trained, and is not judged here"}
            continue
        label = LABELS[name](paths, part)
        known = known_labels(label)
        others = head_baselines.predict(states[name], part, grouped, inputs)
        others = {other: predicted[known] for other, predicted in others.items()}
        report[name] = head(part, label[known], answered[known, part.answers], others, group[known])
    return report


def head(
    part: HeadPart, label: Labels, predicted: Values, others: Mapping[str, Values], group: NDArray[np.int64]
) -> dict[str, Any]:
    """One head's figures on clicks with a label, whether it is published, and the reason."""
    if _too_few(part, label):
        return {"n": len(label), "published": False, "reason": _few(part, label)}
    metric: Metric = METRICS[part.head.metric]
    predicted = predicted if part.head.kind is Kind.CLASSES else predicted[:, 0]
    figures = {name: metric(other, label) for name, other in others.items()}
    chance = next(name for name in CHANCE if name in figures)
    better = lead(metric, predicted, others[chance], label, group)
    entry = {"metric": part.head.metric, "value": metric(predicted, label), "n": len(label)}
    entry |= {"chance": figures.pop(chance), "ahead of chance": better._asdict()}
    best = max(figures, key=figures.__getitem__, default=None)
    worse = None
    if best is not None:
        worse = lead(metric, predicted, others[best], label, group)
        entry |= {"baseline": figures[best], "by": best, "ahead of baseline": worse._asdict()}
    if better.low <= 0:
        return entry | {"published": False, "reason": "it is not significantly better than chance"}
    if worse is not None and worse.high < 0:
        return entry | {"published": False, "reason": f"it is worse than {worded(str(best))}"}
    return entry | {
        "published": True,
        "reason": "it is better than chance, and not worse than a simple baseline",
    }


def worded(name: str) -> str:
    """A baseline's name as words."""
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
        return "it cannot be judged: the log ends too soon after its newest clicks, or has no label for it"
    happened, _ = _counts(part, label)
    known = f"it cannot be judged: only {len(label):,} of the newest clicks have a label"
    counted = part.head.kind in (Kind.BINARY, Kind.SHARED, Kind.AMOUNT)
    return f"{known}, {happened:,} of them positive" if counted else known


def intent(predicted: Values, train: Examples, grouped: Examples, group: NDArray[np.int64]) -> dict[str, Any]:
    """Purchase intent beside chance and logistic regression, and the gain of the latter from twice the
    visitors.

    Empty if the log has one class only.
    """
    learned, rows = train.grouped(), grouped.judged
    label = grouped.buys[rows]
    line = _line(learned, grouped)
    if line is None or min(label.sum(), (~label).sum()) < LEAST:
        return {}
    half = _line(learned.part(learned.visitor % 2 == 0), grouped)
    share = np.full(len(label), label.mean(), dtype=np.float32)
    compared = {"chance": share, LOGISTIC: line[rows]}
    report: dict[str, Any] = {"n": len(label), "positives": int(label.sum())}
    for name in ("auc", "average_precision"):
        metric: Metric = getattr(quality_metrics, name)
        one: dict[str, Any] = {"value": metric(predicted[rows], label)}
        for other, theirs in compared.items():
            one[other] = metric(theirs, label)
            one[f"ahead of {other}"] = lead(metric, predicted[rows], theirs, label, group[rows])._asdict()
        if half is not None:
            one[GAINED] = lead(metric, line[rows], half[rows], label, group[rows])._asdict()
        report[name] = one
    return report


def _line(train: Examples, grouped: Examples) -> Values | None:
    """Probabilities of logistic regression for all clicks; None if there is one class only."""
    labels = train.buys[train.judged]
    if not 0 < labels.sum() < len(labels):
        return None
    return logistic.predict(logistic.learn(train, train), grouped)
