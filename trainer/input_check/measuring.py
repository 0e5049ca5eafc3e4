"""Counts of clicks: visitors, sessions, items, repeats and times."""

import polars as pl

from models.contract.events import EVENTS, ITEM_EVENTS, TS_MAX, TS_MIN
from models.durations import DAY_MS
from trainer.input_check.findings import Measures

_NEEDED = ("visitor_id", "ts", "event")
_COUNTED = ("event_id", "user_id", "item_id")


def measure(frame: pl.DataFrame, gap_ms: int, now: int) -> Measures:
    """Measure the usable rows of a frame in the contract's columns, typed.

    A session ends after `gap_ms` without a click; `now` is the clock (epoch ms).
    """
    used = usable(frame.lazy()).collect()
    missing = [pl.lit(None, dtype=pl.String).alias(name) for name in _COUNTED if name not in used.columns]
    used = used.with_columns(missing)
    if used.is_empty():
        return Measures()
    sessions = _sessions(used, gap_ms)
    about_item = pl.col("event").is_in(list(ITEM_EVENTS)) & pl.col("item_id").is_null()
    counts = used.select(
        pl.col("ts").min().alias("first"),
        pl.col("ts").max().alias("last"),
        pl.col("visitor_id").n_unique().alias("visitors"),
        pl.col("user_id").drop_nulls().n_unique().alias("users"),
        pl.col("item_id").drop_nulls().n_unique().alias("items"),
        about_item.sum().alias("without_item"),
        (pl.col("ts") > now + DAY_MS).sum().alias("ahead"),
        (pl.col("event_id").drop_nulls().len() - pl.col("event_id").drop_nulls().n_unique()).alias(
            "repeated_ids"
        ),
        (pl.len() - pl.struct("visitor_id", "ts", "event", "item_id").n_unique()).alias("repeated_rows"),
    )
    return Measures(
        clicks=len(used),
        events=_by_count(used),
        filled={name: len(used) - used[name].null_count() for name in used.columns},
        sessions=len(sessions),
        buying_sessions=int(sessions["bought"].sum()),
        **counts.row(0, named=True),
    )


def usable(frame: pl.LazyFrame) -> pl.LazyFrame:
    """The rows that say who did what when: those that the checks of a log do not refuse."""
    known = pl.col("event").is_in(list(EVENTS)) & pl.col("ts").is_between(TS_MIN, TS_MAX - 1)
    return frame.filter(pl.col("visitor_id").is_not_null() & known)


def _by_count(used: pl.DataFrame) -> dict[str, int]:
    counted = used["event"].value_counts(sort=True)
    return dict(counted.iter_rows())


def _sessions(used: pl.DataFrame, gap_ms: int) -> pl.DataFrame:
    """A row for each session, with whether it bought."""
    ordered = used.select(_NEEDED).sort("visitor_id", "ts")
    begins = (pl.col("visitor_id") != pl.col("visitor_id").shift()) | (pl.col("ts").diff() > gap_ms)
    numbered = ordered.with_columns(begins.fill_null(True).cum_sum().alias("session"))
    return numbered.group_by("session").agg((pl.col("event") == "purchase").any().alias("bought"))
