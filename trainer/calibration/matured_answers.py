"""Published purchase probabilities whose session is over, with the outcome, from the event log."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.contract.predictions import FallbackTier
from models.durations import DAY_MS
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_tables import CLICKS
from trainer.eventlog.manifest import DataFile

#: Table of the event log with the answers.
ANSWERS = "purchase-intent"
_SAID = (
    *("event_id", "visitor_id", "session_id", "session_clicks", "ts", "model_version", "rung"),
    *("purchase_probability", "_partition", "_refused"),
)


@dataclass(frozen=True)
class MaturedAnswers:
    """N answers of the neural tier in order of their sessions' begin, purchases left out.

    `visitor` and `session` int64 [N] are numbers from 0. `began` int64 [N] is the first answer of the session
    (epoch ms). `chance` float64 [N] is the published probability of a purchase later in the session, `bought`
    bool [N] whether one came. `version` [N] names the version that answered. `reached` is the event time of
    the newest answer (epoch ms).
    """

    visitor: NDArray[np.int64]
    session: NDArray[np.int64]
    began: NDArray[np.int64]
    chance: NDArray[np.float64]
    bought: NDArray[np.bool_]
    version: NDArray[np.object_]
    reached: int = 0

    def __len__(self) -> int:
        return len(self.chance)

    def part(self, chosen: NDArray[np.bool_]) -> "MaturedAnswers":
        """The answers of a mask."""
        names = (field.name for field in fields(self) if field.name != "reached")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})

    def of_version(self, name: str) -> "MaturedAnswers":
        """The sessions that a version answered from their first answer to their last."""
        others = np.unique(self.session[self.version != name])
        return self.part(~np.isin(self.session, others))

    @property
    def sessions(self) -> int:
        """Number of sessions."""
        return len(np.unique(self.session))

    @property
    def buying_sessions(self) -> int:
        """Number of sessions with an answer that a purchase followed."""
        return len(np.unique(self.session[self.bought]))


class Maturity(NamedTuple):
    """When a session counts, as of the newest answer of its partition: `gap_ms` after its last answer it is
    over, and `settled_ms` after its first answer nearly all sessions that began with it are over as well.

    Of sessions that began later only the short ones are over, which buy less.
    """

    gap_ms: int
    settled_ms: int


def matured_answers(log: EventLog, maturity: Maturity, days: float, most: int) -> MaturedAnswers:
    """The answers of the last `days` days of event time whose session counts. The window is shorter where it
    would have more than `most` answers.

    A session with an answer whose click the log does not have yet is left out: that click may be the
    purchase. Raises EventLogError.
    """
    files = sorted(_files(log, ANSWERS, 0), key=lambda file: file.until or 0, reverse=True)
    reached = (files[0].until or 0) if files else 0
    since = max(int(reached - days * DAY_MS), _since(files, most))
    answers = _rows(log, ANSWERS, _SAID, since)
    clicks = _rows(log, CLICKS.name, ("event_id", "event", "ts", "_refused"), since)
    return _joined(answers, clicks, maturity, reached)


def _since(files: Sequence[DataFile], most: int) -> int:
    """Event time after which `files`, newest first, have at most `most` rows, epoch ms; 0: all of them."""
    rows = 0
    for file in files:
        rows += file.rows
        if rows > most:
            return (file.until or 0) + 1
    return 0


def _rows(log: EventLog, table: str, columns: tuple[str, ...], since: int) -> pl.DataFrame:
    kept = (pl.col("_refused").is_null()) & (pl.col("ts") >= since)
    frames = [log.read(file, list(columns)).filter(kept) for file in _files(log, table, since)]
    return pl.concat(frames) if frames else pl.DataFrame(schema=dict.fromkeys(columns, pl.Null))


def _files(log: EventLog, table: str, since: int) -> Iterator[DataFile]:
    for manifest in log.manifests(table):
        yield from (file for file in manifest.files if (file.until or 0) >= since)


def _joined(answers: pl.DataFrame, clicks: pl.DataFrame, maturity: Maturity, reached: int) -> MaturedAnswers:
    if answers.is_empty() or clicks.is_empty():
        return _arrays(_EMPTY, reached)
    known = clicks.select("event_id", "event").unique("event_id", keep="any")
    place = pl.when(pl.col("event") == "purchase").then(pl.col("session_clicks"))
    in_session = answers.join(known, on="event_id", how="left").with_columns(
        began=pl.col("ts").min().over("session_id"),
        last=pl.col("ts").max().over("session_id"),
        partition_reached=pl.col("ts").max().over("_partition"),
        unknown=pl.col("event").is_null().any().over("session_id"),
        last_purchase=place.max().over("session_id").fill_null(0),
    )
    over = pl.col("last") + maturity.gap_ms <= pl.col("partition_reached")
    settled = pl.col("began") + maturity.settled_ms <= pl.col("partition_reached")
    judged = (pl.col("event") != "purchase") & (pl.col("rung") == FallbackTier.NEURAL)
    rows = in_session.filter(over, settled, ~pl.col("unknown"), judged).select(
        visitor=pl.col("visitor_id").rank("dense").cast(pl.Int64) - 1,
        session=pl.col("session_id").rank("dense").cast(pl.Int64) - 1,
        began="began",
        chance="purchase_probability",
        bought=pl.col("last_purchase") > pl.col("session_clicks"),
        version="model_version",
    )
    return _arrays(rows.sort("began", "session", maintain_order=True), reached)


_EMPTY = pl.DataFrame(
    schema={
        "visitor": pl.Int64,
        "session": pl.Int64,
        "began": pl.Int64,
        "chance": pl.Float64,
        "bought": pl.Boolean,
        "version": pl.String,
    }
)


def _arrays(rows: pl.DataFrame, reached: int) -> MaturedAnswers:
    columns: dict[str, Any] = {name: rows[name].to_numpy() for name in _EMPTY.columns}
    return MaturedAnswers(**columns, reached=reached)
