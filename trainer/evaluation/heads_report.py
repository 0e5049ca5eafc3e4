"""Every further head by its metric, beside its baselines."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models import quality_metrics
from models.contract.head_table import HeadPart, Kind
from models.features.features import NAMES
from models.registry.registry import Version
from trainer.evaluation import head_baselines
from trainer.evaluation.leads import GROUPS, lead
from trainer.examples.click_paths import Paths
from trainer.examples.examples import Examples
from trainer.examples.labels import LABELS
from trainer.examples.synthetic_bots import CLICKS, generate_bots

Values = NDArray[np.floating]
#: Sessions of the log that are compared with synthetic bots have at least this many clicks.
LEAST_CLICKS = 5
_CLICKS, _SECONDS = NAMES.index("clicks"), NAMES.index("session_seconds")


def heads(
    version: Version, grouped: Examples, scored: NDArray[np.bool_], answers: Values | None
) -> dict[str, dict[str, Any]]:
    """`{head: {metric, value, baseline, ...}}` over the scored clicks; `answers` [N, K] are the version's
    answers.

    `baseline` is the figure of the best baseline, `by` its name, and `ahead` how far the version is ahead of
    it, with the paired 95% interval over visitors. Heads without a label on these clicks are left out.
    """
    layout = version.neural.layout
    if layout is None or answers is None:
        return {}
    paths, inputs = Paths(grouped, version.neural.network.config.churn_days), head_baselines.columns(grouped)
    states, report = version.baselines.get("heads", {}), {}
    group = np.unique(grouped.visitor, return_inverse=True)[1] % GROUPS
    for part in layout.parts:
        name = part.head.name
        if part.head.kind is Kind.RISK:
            report[name] = _risk(version, part, grouped, scored, answers)
            continue
        label = LABELS[name](paths, part)
        known = scored & known_labels(label)
        if known.any():
            others = head_baselines.predict(states[name], part, grouped, inputs) if name in states else {}
            others = {other: said[known] for other, said in others.items()}
            report[name] = _entry(part, label[known], answers[known, part.answers], others, group[known])
    return report


def known_labels(label: NDArray[Any]) -> NDArray[np.bool_]:
    """Which clicks [N] have a label; labels are floats [N] (NaN: none) or classes [N, J] (-1: none)."""
    return np.asarray((label >= 0).any(1) if label.ndim == 2 else ~np.isnan(label))


def _entry(
    part: HeadPart, label: NDArray[Any], answers: Values, others: dict[str, Values], group: NDArray[np.int64]
) -> dict[str, Any]:
    judge = METRICS[part.head.metric]
    compared = {name: judge(predictions, label) for name, predictions in others.items()}
    served = answers if part.head.kind is Kind.CLASSES else answers[:, 0]
    best = max(compared, key=compared.__getitem__, default="")
    entry = {
        "metric": part.head.metric,
        "value": judge(served, label),
        "baseline": compared.get(best),
        "by": best,
        "ahead": lead(judge, served, others[best], label, group)._asdict() if best else None,
        "baselines": compared,
        "n": len(label),
    }
    if part.head.kind in (Kind.BINARY, Kind.SHARED):
        probabilities, happened = answers[:, 0].astype(np.float32), label > 0
        entry |= {
            "positives": int(happened.sum()),
            "ece": quality_metrics.calibration_error(probabilities, happened),
        }
    if part.head.kind is Kind.AMOUNT:
        entry |= {"paid": float(label.sum()), "expected": float(answers.sum())}
    return entry


def _auc(predicted: Values, label: Values) -> float:
    return quality_metrics.auc(predicted.astype(np.float32), label > 0)


def _average_precision(predicted: Values, label: Values) -> float:
    return quality_metrics.average_precision(predicted.astype(np.float32), label > 0)


def _accuracy(predicted: Values, label: Values) -> float:
    return float((predicted.argmax(1) == label[:, 0]).mean())


def _macro_f1(predicted: Values, label: Values) -> float:
    """Mean F1 over the classes that occur."""
    guess, wanted = predicted.argmax(1), label[:, 0]
    scores = [
        2 * ((guess == one) & (wanted == one)).sum() / ((guess == one).sum() + (wanted == one).sum())
        for one in np.unique(wanted)
    ]
    return float(np.mean(scores))


def _mrr(predicted: Values, label: Values) -> float:
    """Mean reciprocal rank of the classes that occurred; a class with the same score ranks before."""
    rows, places = np.nonzero(label >= 0)
    wanted = predicted[rows, label[rows, places].astype(int)]
    return float(np.mean(1 / (predicted[rows] >= wanted[:, None]).sum(1)))


def _gini(predicted: Values, label: Values) -> float:
    """Normalised Gini coefficient of the order of amounts; 1 is the right order (Wang, Liu, Miao 2019)."""
    return _lorenz(predicted, label) / max(_lorenz(label, label), 1e-12)


def _lorenz(by: Values, amounts: Values) -> float:
    # Equal predictions share the sum of their amounts, so that an arbitrary order among them gains nothing.
    _, group = np.unique(-by, return_inverse=True)
    counts, sums = np.bincount(group), np.bincount(group, amounts)
    share = np.repeat(sums / counts, counts) / max(float(amounts.sum()), 1e-12)
    return float((np.cumsum(share) - np.arange(1, len(share) + 1) / len(share)).mean())


def _r2(predicted: Values, label: Values) -> float:
    spread = float(((label - label.mean()) ** 2).sum())
    return 1 - float(((predicted - label) ** 2).sum()) / spread if spread else 0.0


METRICS: Final = {
    "auc": _auc,
    "average_precision": _average_precision,
    "accuracy": _accuracy,
    "macro_f1": _macro_f1,
    "mrr": _mrr,
    "gini": _gini,
    "r2": _r2,
}


def _risk(
    version: Version, part: HeadPart, grouped: Examples, scored: NDArray[np.bool_], answers: Values
) -> dict[str, Any]:
    """AUC of the risk between synthetic bots and the log's sessions, each at its last click. No log here
    labels real bots.

    The baseline is clicks per second.
    """
    ends = np.append(np.diff(grouped.session) != 0, True) & scored & (grouped.position >= LEAST_CLICKS)
    machines, seconds = generate_bots()
    scores = version.neural.score(machines.batch())
    assert scores.tasks is not None
    last = np.append(np.diff(machines.session) != 0, True)
    people, other = answers[ends, part.answers.start], scores.tasks[last, part.answers.start]
    pace = np.expm1(grouped.features[ends, _CLICKS]) / (1 + np.expm1(grouped.features[ends, _SECONDS]))
    label = np.repeat([0.0, 1.0], [len(people), len(other)])
    baseline = _auc(np.concatenate([pace, CLICKS / (1 + seconds)]), label)
    return {
        "metric": part.head.metric,
        "value": _auc(np.concatenate([people, other]), label),
        "baseline": baseline,
        "by": "clicks_a_second",
        "baselines": {"clicks_a_second": baseline},
        "n": len(label),
        "made_up": True,
    }
