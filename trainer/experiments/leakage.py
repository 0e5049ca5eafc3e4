"""Search for features that leak the label.

Three checks, after Kaufman, Rosset, Perlich 2012, "Leakage in data mining". A feature is suspicious if it
alone predicts too well. It is suspicious if it predicts the labels of other days, since then it identifies
the time and not the visitor; or if its value changes when later rows are removed from the log.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import rankdata

from models.durations import DAY_MS
from models.features.features import NAMES
from models.state.segments import rank_in_group
from trainer.examples.examples import Examples, ExamplesError

#: From a log's rows to examples; `trainer.logs.log_replay.replay_log` for the features that serve.
Build = Callable[[pl.LazyFrame], Examples]
#: AUC above which a single feature is suspicious, and above which it predicts the labels of other days.
ALONE, OTHER_DAYS = 0.93, 0.56
#: The log is truncated after these shares of its rows.
CUTS = (0.31, 0.62, 0.93)
#: One visitor in this many keeps only the first half of their rows.
HALVED = 3
MOST_DAYS = 20


class Finding(NamedTuple):
    """One feature: its AUC alone (in its better direction), the AUC with the labels of other days, and the
    number of values that changed when later rows were removed.

    `flags` name the failed checks: `alone`, `other days`, `future`.
    """

    name: str
    auc: float
    other_days_auc: float
    changed: int
    flags: tuple[str, ...]


def find_leaks(log: pl.LazyFrame, build: Build, names: tuple[str, ...] = NAMES) -> list[Finding]:
    """Findings for every feature, highest AUC first. Raises ExamplesError if the log has one class only."""
    rows = log.sort("ts", maintain_order=True).collect()
    whole = build(rows.lazy())
    part = whole.part(whole.judged)
    if not 0 < part.buys.sum() < len(part):
        raise ExamplesError(
            f"{part.buys.sum()} of {len(part)} clicks are before a purchase; this check needs both classes"
        )
    alone, others = _areas(part)
    changed = sum(_changed(whole, build, rows.head(round(len(rows) * share))) for share in CUTS)
    changed = changed + _halved(whole, build, rows)
    findings = [
        Finding(*row, _flags(*row[1:]))
        for row in zip(names, alone.tolist(), others.tolist(), changed.tolist(), strict=True)
    ]
    return sorted(findings, key=lambda finding: -finding.auc)


def _flags(alone: float, others: float, changed: int) -> tuple[str, ...]:
    wrong = {"alone": alone > ALONE, "other days": others > OTHER_DAYS, "future": changed > 0}
    return tuple(name for name, is_wrong in wrong.items() if is_wrong)


def _areas(part: Examples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """AUC of each feature [F] with its own labels and with those of other days, in its better direction."""
    labels = np.stack([part.buys, *(part.buys[places] for places in _other_days(part.ts))])
    areas = np.stack([_auc(column, labels) for column in part.features.T])
    own, others = areas[:, 0], areas[:, 1:].mean(1)
    return np.maximum(own, 1 - own), np.where(own >= 0.5, others, 1 - others)


def _auc(column: NDArray[np.float32], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """AUC of one feature [N] for several sets of labels [K, N], with one sort (Mann-Whitney)."""
    positives = labels.sum(1)
    ranks = labels @ rankdata(column)
    pairs = np.maximum(positives * (labels.shape[1] - positives), 1)
    return np.asarray((ranks - positives * (positives + 1) / 2) / pairs)


def _other_days(ts: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """For each shift by whole days, the index of the click at the same hour of that other day [N]; the log is
    cyclic.

    A log of less than three days is shifted by eighths of its span.
    """
    span = int(ts[-1] - ts[0]) + 1
    days = max(1, span // DAY_MS)
    step, count = (DAY_MS, days) if days >= 3 else (span // 8 + 1, 8)
    shifts = np.unique(np.linspace(1, count - 1, min(MOST_DAYS, count - 1)).astype(int)) * step
    moved = [ts[0] + (ts - ts[0] + shift) % (count * step) for shift in shifts.tolist()]
    return [np.minimum(np.searchsorted(ts, times), len(ts) - 1) for times in moved]


def _changed(whole: Examples, build: Build, rows: pl.DataFrame) -> NDArray[np.int64]:
    """Number of values of each feature [F] that differ if the log ends after these rows."""
    part = build(rows.lazy())
    return _differences(whole.features[: len(part)], part.features)


def _halved(whole: Examples, build: Build, rows: pl.DataFrame) -> NDArray[np.int64]:
    """The same if some visitors stop halfway; a feature may depend on one visitor's past only.

    Visitors who ever log in keep all rows: events of their other devices count as their past.
    """
    place = pl.int_range(pl.len()).over("visitor_id")
    first = pl.col("visitor_id").rank("dense") % HALVED != 0
    if "user_id" in rows.columns:
        first |= pl.col("user_id").is_not_null().any().over("visitor_id")
    part = build(rows.lazy().filter(first | (place < (pl.len().over("visitor_id") + 1) // 2)))
    one, other = _by_visitor(whole), _by_visitor(part)
    _, here, there = np.intersect1d(one, other, return_indices=True)
    return _differences(whole.features[here], part.features[there])


def _by_visitor(examples: Examples) -> NDArray[np.int64]:
    """A number for each click that identifies the visitor and the click's rank among the visitor's clicks."""
    order = np.argsort(examples.visitor, kind="stable")
    place = np.empty(len(examples), dtype=np.int64)
    place[order] = rank_in_group(examples.visitor[order])
    return examples.visitor << 32 | place


def _differences(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.int64]:
    bits = one.view(np.uint32) != other.view(np.uint32)
    return np.asarray(bits.sum(0), dtype=np.int64)
