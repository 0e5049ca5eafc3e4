"""Real sessions, laid out anew in time: more visitors at once than the log ever had, each as it was."""

import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from deploy.cluster.records import encode
from trainer.logs.log_files import read_log

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "deploy" / "data" / "rees46_electronics.csv.gz"

MINUTE_MS = 60_000
GAP_MS = 30 * MINUTE_MS
#: Between two sessions of a visitor's past.
PAUSE_MS = 4 * GAP_MS
#: Pasts end so long ago: before any stream of clicks begins.
AGO_MS = 4 * 60 * MINUTE_MS
#: Clicks of a visitor's past: more than the 50 whose codes the state keeps.
PAST_CLICKS = 70
#: Coprime to every number of visitors in use: sessions go to visitors in mixed order.
STRIDE = 7_919


def visitor_id(number: int) -> str:
    """The benchmark's own visitors."""
    return f"visitor-{number:07d}"


@dataclass(frozen=True)
class Log:
    """A log's sessions, over its `items` most frequent items (None: over all of them).

    `frame` has the contract's columns and `session` (numbered from 0) and `since` (ms since its start).
    """

    path: Path = SHIPPED
    items: int | None = None

    @cached_property
    def frame(self) -> pl.DataFrame:
        events = read_log([self.path]).collect()
        known = self._wanted(events.filter(pl.col("ts").is_not_null()))
        visits = known.sort("visitor_id", "ts", maintain_order=True)
        apart = pl.col("ts").diff().fill_null(0) > GAP_MS
        begins = (apart | (pl.col("visitor_id") != pl.col("visitor_id").shift(1))).fill_null(False)
        numbered = visits.with_columns(session=begins.cast(pl.Int64).cum_sum())
        return numbered.with_columns(since=pl.col("ts") - pl.col("ts").first().over("session"))

    def _wanted(self, events: pl.DataFrame) -> pl.DataFrame:
        if self.items is None:
            return events
        counts = events["item_id"].drop_nulls().value_counts().sort("count", "item_id", descending=True)
        frequent = pl.col("item_id").is_in(counts["item_id"].head(self.items).to_list())
        return events.filter(pl.col("item_id").is_null() | frequent)

    @cached_property
    def sessions(self) -> pl.DataFrame:
        """`session`, its `clicks` and `lasts` (ms)."""
        return (
            self.frame.group_by("session", maintain_order=True)
            .agg(clicks=pl.len(), lasts=pl.col("since").last())
            .with_columns(pl.col("lasts").cast(pl.Int64))
        )

    def pasts(self, count: int) -> pl.DataFrame:
        """The pasts of `count` visitors, of about PAST_CLICKS clicks, in order of time, until AGO_MS ago."""
        until = int(time.time() * 1000) - AGO_MS
        mean = len(self.frame) / len(self.sessions)
        taken = self._seats(0, int(count * PAST_CLICKS / mean * 1.1) + 1)
        story = (pl.col("clicks").cum_sum() - pl.col("clicks")) // PAST_CLICKS
        stories = taken.with_columns(visitor=story.rank("dense").cast(pl.Int64) - 1).filter(
            pl.col("visitor") < count
        )
        end = (pl.col("lasts") + PAUSE_MS).cum_sum().over("visitor")
        placed = stories.with_columns(
            start=until - end.max().over("visitor") + end - pl.col("lasts") - PAUSE_MS
        )
        return self._placed(placed)

    def stream(self, clicks: int, density: float, start: int, visitors: int, first: int = 0) -> pl.DataFrame:
        """`clicks` from `start` (ms) on, `density` a second, of sessions number `first` and on.

        It begins a while after the first sessions have, so that as many are under way at its start as later.
        """
        warm = int(10 * MINUTE_MS / 1000 * density)
        mean = len(self.frame) / len(self.sessions)
        count = int((clicks + warm) / mean * 1.3) + 1
        span = count * mean / density * 1000
        seats = self._seats(first, count)
        starts = np.sort(np.random.default_rng(first).uniform(0, span, count)).astype(np.int64)
        of = (np.arange(first, first + count) * STRIDE) % visitors
        placed = seats.with_columns(start=pl.Series(starts + start - 10 * MINUTE_MS), visitor=pl.Series(of))
        frame = self._placed(placed)
        return frame.filter(pl.col("ts") >= start).head(clicks)

    def _seats(self, first: int, count: int) -> pl.DataFrame:
        """Sessions `first` and on, from the beginning again where the log ends; `seat` tells turns apart."""
        seats = np.arange(first, first + count)
        return self.sessions[seats % len(self.sessions)].with_columns(seat=pl.Series(seats))

    def _placed(self, seats: pl.DataFrame) -> pl.DataFrame:
        known = self.frame.drop("visitor_id", "ts")
        joined = seats.select("session", "seat", "start", "visitor").join(known, on="session", how="left")
        moved = joined.with_columns(
            pl.format("{}-{}", "event_id", "seat").alias("event_id"),
            pl.format("visitor-{}", pl.col("visitor").cast(pl.String).str.zfill(7)).alias("visitor_id"),
            (pl.col("start") + pl.col("since")).alias("ts"),
        )
        columns = ["event_id", "visitor_id", "ts", *(name for name in known.columns if name not in ADDED)]
        return moved.sort("ts", maintain_order=True).select(columns)


ADDED = frozenset({"event_id", "session", "since"})


def rows(frame: pl.DataFrame) -> list[tuple[bytes, bytes]]:
    """Keys and JSON values of clicks."""
    return list(zip(frame["visitor_id"].cast(pl.Binary).to_list(), encode(frame), strict=True))
