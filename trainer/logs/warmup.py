"""The warm-up: an earlier log that is read only to build the visitors' state, and never evaluated."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.contract.aliases import EventNames, event_name
from models.contract.events import TS_MAX, TS_MIN
from trainer.examples.examples import Examples, ExamplesError
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import LogReplay
from trainer.logs.reading import reading
from trainer.tables.dialect import DETECTED, Dialect


def through(
    replay: LogReplay,
    warmup: Sequence[Path],
    events: Sequence[Path],
    mapping: Mapping[str, str],
    names: EventNames = event_name,
    dialect: Dialect = DETECTED,
) -> int:
    """Replay the warm-up and then the events; returns the number of clicks of the warm-up.

    Raises LogError, or ExamplesError if the warm-up ends after the events begin.
    """
    _refuse_later(warmup, events, mapping, dialect)
    first = 0
    for files in filter(None, (warmup, events)):
        first = len(replay)
        with reading(files):
            replay.through(read_log(files, mapping, names, dialect))
    return first


def since(examples: Examples, first: int) -> tuple[Examples, NDArray[np.bool_]]:
    """Grouped sessions with clicks from index `first` on, and which of their clicks `[N]` are evaluated.

    Raises ExamplesError if there is none to evaluate.
    """
    scored = np.arange(len(examples)) >= first
    if not scored.any():
        raise ExamplesError(
            "no row of --events can be used, those of --warmup can; check its columns: --map FIELD=COLUMN"
        )
    if not (scored & examples.judged).any():
        raise ExamplesError("no click of --events can be judged; give a log with events other than purchases")
    if not (scored & examples.judged & examples.over).any():
        raise ExamplesError(
            "every session of --events has a click in the last half hour of the log, so that it may still "
            "buy; give a longer log"
        )
    chosen = np.isin(examples.session, np.unique(examples.session[scored]))
    order = np.argsort(examples.session[chosen], kind="stable")
    return examples.part(chosen).grouped(), scored[chosen][order]


def moment(ts: int) -> str:
    """Epoch ms as UTC text."""
    return datetime.fromtimestamp(ts / 1000, UTC).isoformat(sep=" ", timespec="milliseconds")


def _refuse_later(
    warmup: Sequence[Path], events: Sequence[Path], mapping: Mapping[str, str], dialect: Dialect
) -> None:
    (_, last), (begin, _) = _span(warmup, mapping, dialect), _span(events, mapping, dialect)
    if last is not None and begin is not None and last > begin:
        raise ExamplesError(
            f"--warmup goes on until {moment(last)}, but --events begin at {moment(begin)}: visitors' state "
            "would know what came after the clicks that are judged; end --warmup where --events begin"
        )


def _span(
    files: Sequence[Path], mapping: Mapping[str, str], dialect: Dialect
) -> tuple[int | None, int | None]:
    """The first and the last time in files; None if they have no time."""
    if not files:
        return None, None
    ts = pl.col("ts")
    with reading(files):
        times = (
            read_log(files, mapping, dialect=dialect)
            .select(ts)
            .filter(ts.is_between(TS_MIN, TS_MAX, closed="left"))
        )
        first, last = times.select(ts.min(), ts.max().alias("last")).collect().row(0)
    return first, last
