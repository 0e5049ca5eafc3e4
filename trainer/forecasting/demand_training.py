"""Demand from an event log: pieces (or events) by item and time cell, with the catalogue's categories."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.contract.catalogue import Catalogue
from models.contract.events import Limits
from models.durations import DAY_MS, HOUR_MS
from models.errors import PathcastError
from models.forecasting.demand_model import Horizon, Panel

#: Days of the log that are read before the start of the forecast.
HISTORY_DAYS = 63
#: Least days of log: one week for the season, one for the dispersion, one to judge.
LEAST_DAYS = 21
PREFERRED = ("purchase", "view_item")
_COLUMNS = ("event", "item_id", "ts", "quantity", "category")


class DemandError(PathcastError):
    """No demand can be forecast from a log."""


@dataclass(frozen=True)
class Sales:
    """Rows of demand: item index, time (epoch ms) and pieces, each [N]; `event` is the counted event.

    `items` are sorted by id; `seen` [I] is the time of an item's first event, 0 if the catalogue lists it.
    `first` and `last` are the log's first and last time.
    """

    event: str
    items: list[str]
    category: list[str]
    seen: NDArray[np.int64]
    item: NDArray[np.int64]
    ts: NDArray[np.int64]
    pieces: NDArray[np.float64]
    first: int
    last: int


def sales(log: pl.LazyFrame, catalogue: Catalogue, event: str | None = None, pieces: bool = True) -> Sales:
    """Demand in a log: pieces of `event`; without one, of the first event in PREFERRED that the log has.

    An event without a quantity counts one piece; quantities are clipped as the decoder does. Raises
    DemandError.
    """
    frame = _rows(log)
    counts = dict(frame["event"].value_counts().iter_rows())
    chosen = event or next((name for name in PREFERRED if counts.get(name)), PREFERRED[0])
    if not counts.get(chosen):
        listed = ", ".join(f"{name}: {count:,}" for name, count in sorted(counts.items())) or "nothing"
        raise DemandError(
            f"no event {chosen!r} with an item in the log, which has {listed}; name another with --event"
        )
    seen = frame.group_by("item_id").agg(pl.col("ts").min(), pl.col("category").drop_nulls().mode().first())
    known = {item: (ts, category) for item, ts, category in seen.iter_rows()}
    ids = sorted(known.keys() | set(catalogue))
    # Pieces below 0 are a return, which is no demand.
    wanted = frame.filter((pl.col("event") == chosen) & (pl.col("quantity").fill_null(1) >= 0))
    limit = Limits().quantity_max
    quantity = wanted["quantity"].fill_null(1).clip(1, limit).to_numpy() if pieces else np.ones(len(wanted))
    return Sales(
        chosen,
        ids,
        [_category(item, catalogue, known) for item in ids],
        np.array([0 if item in catalogue else known[item][0] for item in ids], dtype=np.int64),
        wanted["item_id"].replace_strict(ids, np.arange(len(ids)), return_dtype=pl.Int64).to_numpy(),
        wanted["ts"].to_numpy(),
        quantity.astype(np.float64),
        int(frame["ts"].min()),  # type: ignore[arg-type]
        int(frame["ts"].max()),  # type: ignore[arg-type]
    )


def _rows(log: pl.LazyFrame) -> pl.DataFrame:
    columns = log.collect_schema().names()
    if "item_id" not in columns:
        raise DemandError(
            f"the log has no column of items, only {', '.join(columns)}; name it: --map item_id="
        )
    optional = {"quantity": pl.Int64, "category": pl.String}
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in optional.items() if name not in columns]
    wanted = log.with_columns(missing).select(_COLUMNS)
    if "basket" in columns:
        wanted = pl.concat([wanted, _further(log, columns)])
    frame = wanted.filter(pl.col("item_id").is_not_null() & pl.col("ts").is_not_null()).collect()
    if frame.is_empty():
        raise DemandError("no event of the log has an item and a time; check its columns (--map)")
    return frame


def _further(log: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    """A row for each further item of an event; one piece where the event has no quantities of them."""
    one = pl.col("basket").list.eval(pl.element().is_null().cast(pl.Int64) + 1)
    pieces = pl.coalesce("basket_quantities", one) if "basket_quantities" in columns else one
    lines = log.filter(pl.col("basket").list.len() > 0).with_columns(
        pl.col("basket").alias("item_id"),
        pieces.alias("quantity"),
        pl.lit(None, dtype=pl.String).alias("category"),
    )
    return lines.select(_COLUMNS).explode("item_id", "quantity")


def _category(item: str, catalogue: Catalogue, known: dict[str, tuple[int, str | None]]) -> str:
    """The catalogue's category, else the one that most events name."""
    listed = catalogue[item].category if item in catalogue else None
    return listed or known.get(item, (0, None))[1] or ""


def moment(sold: Sales, horizon: Horizon, at: int | None) -> int:
    """Where the forecast starts: `at` (epoch ms), else the log's end, as a whole cell.

    The cell in which the log ends is whole if it ends within the cell's last hour. Raises DemandError.
    """
    end = at if at is not None else sold.last + HOUR_MS
    start = end // horizon.cell_ms * horizon.cell_ms
    days = (start - sold.first) / DAY_MS
    if days < LEAST_DAYS or start > sold.last + DAY_MS:
        raise DemandError(
            f"{max(days, 0):.1f} days of log before the forecast's start, and the log ends "
            f"{(sold.last - start) / DAY_MS:.1f} days after it: expected at least {LEAST_DAYS} days before, "
            "and a start within the log or right after it; give an earlier log or another --as-of"
        )
    return start


def panel(sold: Sales, horizon: Horizon, start: int) -> Panel:
    """Counts by cell up to `start`, epoch ms of a whole cell; no later event is read."""
    whole = (start - sold.first // DAY_MS * DAY_MS) // DAY_MS
    days = min(whole, HISTORY_DAYS)
    first = start - days * DAY_MS
    cells = days * horizon.per_day
    inside = (sold.ts >= first) & (sold.ts < start)
    counts = np.zeros((len(sold.items), cells), dtype=np.float32)
    place = sold.item[inside], (sold.ts[inside] - first) // horizon.cell_ms
    np.add.at(counts, place, sold.pieces[inside].astype(np.float32))
    names: Sequence[str] = sorted(set(sold.category))
    numbers = {name: number for number, name in enumerate(names)}
    return Panel(
        sold.items,
        list(names),
        np.array([numbers[name] for name in sold.category], dtype=np.int64),
        (sold.seen - first) // horizon.cell_ms,
        counts,
        first,
    )
