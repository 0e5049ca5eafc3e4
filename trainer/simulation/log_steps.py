"""Sessions of a real log as steps between states: what the step model is fitted on."""

from typing import NamedTuple

import numpy as np
import polars as pl

from models.durations import MINUTE_MS
from models.errors import PathcastError
from trainer.simulation.session_states import (
    DWELL_SECONDS,
    EVENTS,
    LEAVE,
    MOST_CARTS,
    MOST_CLICKS,
    PURCHASE,
    Attributes,
    Ints,
)

#: A pause that ends a session.
GAP_MS = 30 * MINUTE_MS
#: Fewer sessions say nothing of what shoppers do.
LEAST_SESSIONS = 100


class SimulationError(PathcastError):
    """A log from which no shoppers can be fitted, or a policy that does not fit the simulated shop."""


class LogSteps(NamedTuple):
    """Clicks of a log in order, one row each: attributes after the click, then what came.

    `event` is the next event (LEAVE: none), `dwell` the bucket of the time until it (0 where none came),
    `first` says which clicks begin a session. `value` is the mean price by price band; a log without prices
    has 1.0.
    """

    now: Attributes
    event: Ints
    dwell: Ints
    first: Ints
    value: tuple[float, float, float]


def steps_of(log: pl.DataFrame) -> LogSteps:
    """Steps of a log in the contract's columns. Events that the simulator does not know are left out.

    Raises SimulationError for a log with too few sessions.
    """
    known = log.filter(pl.col("event").is_in(EVENTS)).sort("visitor_id", "ts", maintain_order=True)
    frame, value = _with_bands(_with_sessions(known))
    sessions = frame["session"].n_unique() if frame.height else 0
    if sessions < LEAST_SESSIONS:
        raise SimulationError(
            f"the log has {sessions} sessions with the events {', '.join(EVENTS)}; shoppers are fitted on at "
            f"least {LEAST_SESSIONS}: give a longer log"
        )
    return _steps(frame, value)


def _with_sessions(log: pl.DataFrame) -> pl.DataFrame:
    gap = pl.col("ts").diff().over("visitor_id")
    begins = (gap.is_null() | (gap >= GAP_MS)).alias("begins")
    codes = pl.col("event").replace_strict(list(EVENTS), range(len(EVENTS)), return_dtype=pl.Int64)
    numbered = log.with_columns(begins, gap=gap.fill_null(0), code=codes)
    return numbered.with_columns(
        session=pl.col("begins").cum_sum(), earlier=pl.col("begins").cum_sum().over("visitor_id") - 1
    )


def _with_bands(log: pl.DataFrame) -> tuple[pl.DataFrame, tuple[float, float, float]]:
    """Price bands by the first known price of the session: thirds of the log's sessions."""
    if "price" not in log.columns:
        log = log.with_columns(price=pl.lit(1.0))
    first = log.group_by("session").agg(pl.col("price").drop_nulls().first())
    low, high = (first["price"].quantile(share) or 0.0 for share in (1 / 3, 2 / 3))
    band = (pl.col("price") > low).cast(pl.Int64) + (pl.col("price") > high)
    bands = first.select("session", band=band.fill_null(1))
    joined = log.join(bands, on="session", how="left", maintain_order="left")
    means = dict(joined.group_by("band").agg(pl.col("price").mean()).iter_rows())
    found = [float(means.get(at) or 1.0) for at in range(3)]
    return joined, (found[0], found[1], found[2])


def _steps(frame: pl.DataFrame, value: tuple[float, float, float]) -> LogSteps:
    columns = {name: frame[name].to_numpy() for name in ("code", "band", "earlier", "gap", "begins")}
    begins, code = columns["begins"].astype(bool), columns["code"].astype(np.int64)
    dwell = np.where(begins, 0, np.digitize(columns["gap"] / 1000, DWELL_SECONDS))
    last = np.append(begins[1:], True)
    zeros = np.zeros_like(code)
    position = _since(begins)
    now = Attributes(
        code,
        _carts(code, begins),
        np.minimum(position, MOST_CLICKS - 1),
        dwell,
        np.minimum(columns["earlier"].astype(np.int64), 1),
        columns["band"].astype(np.int64),
        zeros,
        zeros,
    )
    event = np.where(last, LEAVE, np.append(code[1:], 0))
    return LogSteps(now, event, np.where(last, 0, np.append(dwell[1:], 0)), begins.astype(np.int64), value)


def _since(begins: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> Ints:
    """Clicks since the last beginning."""
    places = np.arange(len(begins))
    return np.asarray(places - np.maximum.accumulate(np.where(begins, places, 0)), dtype=np.int64)


def _carts(code: Ints, begins: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> Ints:
    """Additions to the cart since the session's beginning or its last purchase, capped."""
    added = np.cumsum(code == 1)
    emptied = begins | (code == PURCHASE)
    before = np.maximum.accumulate(np.where(emptied, added - (code == 1), 0))
    return np.asarray(np.minimum(added - before, MOST_CARTS), dtype=np.int64)
