"""Drift: how far new clicks differ from those that a version was validated on, in features, scores,
calibration and items.

A version keeps histograms of its validation clicks (`reference` in its metrics); the newest clicks are
compared with them.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.features.features import NAMES
from models.features.vocabulary import Vocabulary
from models.registry.registry import Parts
from models.registry.versions import Version
from models.state.codes import items
from trainer.drift.drift_settings import DriftSettings
from trainer.drift.psi import Histogram
from trainer.evaluation.bootstrap import interval
from trainer.evaluation.evaluate import answers, tiers
from trainer.evaluation.holdout import Holdout
from trainer.examples.examples import Examples
from trainer.logs.lineage import last_session

#: Key in a version's metrics of the histograms that drift is measured against.
REFERENCE = "reference"


class Drift(NamedTuple):
    """Measured drift of a slice of sessions.

    `score` and `features` (largest first) are population stability indices. `foreseen` and `bought` are the
    predicted and the actual share of clicks that a purchase follows; `gap` is the 95% interval of their
    difference. `new_items` and `new_items_before` are shares of clicks on items unknown to the version, now
    and on its validation clicks. `alarms` has one sentence for each exceeded limit; any alarm asks for a new
    version.
    """

    sessions: int
    score: float
    features: dict[str, float]
    foreseen: float
    bought: float
    gap: list[float]
    new_items: float
    new_items_before: float
    alarms: list[str]


def reference(parts: Parts, valid: Examples, ignored: tuple[str, ...] = ()) -> dict[str, Any] | None:
    """The histograms that a version keeps of its validation clicks, as JSON; None if all of them are
    purchases.
    """
    grouped = valid.grouped()
    if not grouped.judged.any():
        return None
    scores = answers(tiers(parts)["neural"], grouped).purchase[grouped.judged]
    columns = dict(zip(NAMES, grouped.features.T, strict=True))
    kept = {name: Histogram.of(values) for name, values in columns.items() if name not in ignored}
    return {
        "sessions": len(np.unique(grouped.session)),
        "new_items": unknown(grouped, parts.vocabulary),
        "score": Histogram.of(scores)._asdict(),
        "features": {
            name: histogram._asdict() for name, histogram in kept.items() if len(histogram.shares) > 1
        },
    }


def since(version: Version, examples: Examples) -> Holdout:
    """The sessions that began after the version was trained and are over."""
    return Holdout.newest(examples, last_session(version.metrics))


def measure(version: Version, newest: Holdout, settings: DriftSettings) -> Drift | None:
    """Drift of the sessions in `newest`; None if there are too few of them or the version has no
    reference.
    """
    sessions = len(np.unique(newest.clicks.session))
    known = version.metrics.get(REFERENCE)
    if known is None or sessions < settings.least_sessions or not newest.judged.any():
        return None
    chances = answers(version.neural, newest.clicks).purchase[newest.judged]
    drift = _measured(known, version.vocabulary, newest, chances, sessions)
    return drift._replace(alarms=list(_alarms(drift, known, settings)))


def unknown(examples: Examples, words: Vocabulary) -> float:
    """Share of clicks with an item whose item is not in the vocabulary."""
    hashes = items(examples.codes)
    return float((words.lookup(hashes[hashes != 0]) < 0).mean()) if hashes.any() else 0.0


def _measured(
    known: dict[str, Any], words: Vocabulary, newest: Holdout, chances: NDArray[np.float32], sessions: int
) -> Drift:
    clicks, judged = newest.clicks, newest.judged
    labels = clicks.buys[judged]
    columns = dict(zip(NAMES, clicks.features.T, strict=True))
    moved = {name: Histogram(**kept).stability(columns[name]) for name, kept in known["features"].items()}
    return Drift(
        sessions,
        Histogram(**known["score"]).stability(chances),
        dict(sorted(moved.items(), key=lambda pair: -pair[1])),
        float(chances.mean()),
        float(labels.mean()),
        interval(newest.draws.part(judged).means(chances.astype(np.float64) - labels)),
        unknown(clicks, words),
        known["new_items"],
        [],
    )


def _alarms(drift: Drift, known: dict[str, Any], settings: DriftSettings) -> Iterator[str]:
    sizes = drift.sessions, int(known["sessions"])
    if drift.score > max(settings.score_stability, Histogram(**known["score"]).chance(*sizes)):
        yield f"the distribution of purchase probabilities has moved: stability index {drift.score:.2f}"
    drifted = [
        name
        for name, index in drift.features.items()
        if index > max(settings.feature_stability, Histogram(**known["features"][name]).chance(*sizes))
    ]
    if len(drifted) > settings.features * len(drift.features):
        most = ", ".join(drifted[:3])
        yield f"{len(drifted)} of {len(drift.features)} features have moved, {most} the most"
    less, more = sorted((drift.foreseen, drift.bought))
    if more > settings.calibration * less and not drift.gap[0] <= 0 <= drift.gap[1]:
        yield (
            f"a purchase was predicted after {drift.foreseen:.2%} of the clicks and came after "
            f"{drift.bought:.2%}"
        )
    if drift.new_items > drift.new_items_before + settings.new_items:
        yield f"{drift.new_items:.0%} of the clicks are on items that the version does not know"
