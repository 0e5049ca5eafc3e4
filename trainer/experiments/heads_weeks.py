"""Every further head beside its baselines over several later periods, pooled (rolling origin; Tashman 2000).

At each origin a version and the baselines learn from the clicks before, and the period after judges both. A
figure is the mean of those of the periods, weighted by their labelled clicks: answers of different versions
are never ranked together.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.contract.head_table import HeadPart, Kind, Layout
from models.registry.registry import Parts
from trainer.evaluation import head_baselines
from trainer.evaluation.evaluate import answers, tiers
from trainer.evaluation.heads_report import METRICS, known_labels
from trainer.evaluation.leads import GROUPS, lead
from trainer.examples.click_paths import Paths
from trainer.examples.examples import Examples
from trainer.examples.labels import LABELS
from trainer.examples.split import split
from trainer.experiments.rolling_origin import periods
from trainer.fitting.fit import Report
from trainer.loop.options import Options
from trainer.loop.targets import HeadPlan
from trainer.training.build import build
from trainer.training.head_trees import HEAD_TREES
from trainer.training.log_parts import SHARES

Values = NDArray[Any]
#: A period with fewer labelled clicks of a head, or clicks of one outcome, does not judge it.
LEAST: Final = 100


class HeadWeek(NamedTuple):
    """A head's labels, what the version and each baseline said, and the visitor's group, of one period's
    clicks with a label. `trees` says whether the version's head has trees.
    """

    part: HeadPart
    label: Values
    said: dict[str, Values]
    group: NDArray[np.int64]
    trees: bool


#: Among what was said, the version's answer.
SERVED: Final = "served"


def weeks(examples: Examples, count: int, options: Options, report: Report) -> Iterator[list[HeadWeek]]:
    """For each of `count` origins, every head on the period after it.

    Raises ExamplesError if there are too few clicks.
    """
    for before, after in periods(examples, count):
        learned, valid = split(before, SHARES)
        parts = build(learned, valid, options, report)
        states = head_baselines.learn(before, HeadPlan.of(parts.network.config))
        yield list(_judged(parts, states, after.grouped()))


def _judged(parts: Parts, states: dict[str, Any], grouped: Examples) -> Iterator[HeadWeek]:
    planned, answered = HeadPlan.of(parts.network.config), answers(tiers(parts)["neural"], grouped).tasks
    if answered is None:
        return
    paths, inputs = Paths(grouped, planned.churn_days), head_baselines.columns(grouped)
    for part in Layout.of(planned.tasks).parts:
        if part.head.kind is Kind.RISK:
            continue
        label = LABELS[part.head.name](paths, part)
        known = known_labels(label)
        if known.sum() < LEAST or not _varies(label[known]):
            continue
        said = head_baselines.predict(states[part.head.name], part, grouped, inputs)
        made = {
            SERVED: answered[:, part.answers]
            if part.head.kind is Kind.CLASSES
            else answered[:, part.answers.start]
        }
        both = {name: found[known] for name, found in (made | said).items()}
        tried = parts.metrics.get(HEAD_TREES, {}).get(part.head.name, {})
        yield HeadWeek(part, label[known], both, grouped.visitor[known] % GROUPS, bool(tried.get("kept")))


def _varies(label: Values) -> bool:
    return bool(label.min() < label.max())


def pooled(found: Sequence[Sequence[HeadWeek]]) -> dict[str, dict[str, Any]]:
    """Each head's figures over all periods, beside its best baseline and with the paired 95% interval over
    visitors: `{head: {metric, value, baseline, by, ahead, interval, baselines, n, periods, trees}}`.
    """
    names = dict.fromkeys(one.part.head.name for week in found for one in week)
    return {
        name: _pooled([one for week in found for one in week if one.part.head.name == name]) for name in names
    }


def _pooled(judged: Sequence[HeadWeek]) -> dict[str, Any]:
    head, mean = judged[0].part.head, _Mean(judged)
    names = [name for name in judged[0].said if all(name in week.said for week in judged)]
    figures = {name: mean.of(name) for name in names}
    served = figures.pop(SERVED)
    best = max(figures, key=figures.__getitem__)
    ahead = mean.lead(best)
    entry = {
        "metric": head.metric,
        "value": served,
        "baseline": figures[best],
        "by": best,
        "ahead": ahead[0],
        "interval": list(ahead[1:]),
        "baselines": figures,
        "n": sum(len(week.label) for week in judged),
        "periods": len(judged),
        "trees": sum(week.trees for week in judged),
    }
    if head.kind is Kind.AMOUNT:
        sums = [(float(week.said[SERVED].sum()), float(week.label.sum())) for week in judged]
        entry |= {
            "expected / paid": sum(one for one, _ in sums) / max(sum(paid for _, paid in sums), 1e-9),
            "by period": [expected / max(paid, 1e-9) for expected, paid in sums],
        }
    return entry


class _Mean:
    """A head's metric over periods, of rows by number: what `lead` leaves rows out of."""

    def __init__(self, judged: Sequence[HeadWeek]) -> None:
        self._judged, self._judge = judged, METRICS[judged[0].part.head.metric]
        self._period = np.repeat(np.arange(len(judged)), [len(week.label) for week in judged])
        self._place = np.concatenate([np.arange(len(week.label)) for week in judged])
        self._rows = np.arange(len(self._period))

    def of(self, name: str) -> float:
        """The figure of one model over all rows."""
        return self._over(np.full(len(self._rows), name), self._rows)

    def lead(self, other: str) -> tuple[float, float, float]:
        """How far the version is ahead of a baseline, with its interval."""
        one, two = (np.full(len(self._rows), name) for name in (SERVED, other))
        group = np.concatenate([week.group for week in self._judged])
        found = lead(self._over, one, two, self._rows, group)
        return found.by, found.low, found.high

    def _over(self, model: Values, rows: Values) -> float:
        """The weighted mean over periods of the rows; `model` [N] names the model."""
        figures, counts = [], []
        for number, week in enumerate(self._judged):
            places = self._place[rows[self._period[rows] == number]]
            figures.append(self._judge(week.said[str(model[0])][places], week.label[places]))
            counts.append(len(places))
        return float(np.average(figures, weights=counts))
