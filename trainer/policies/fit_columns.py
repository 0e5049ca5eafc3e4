"""The context columns of a log: means and deviations of numbers, the known words of words."""

from collections.abc import Sequence
from typing import Final, get_args

import numpy as np
import polars as pl

from models.contract.decision_context import MAX_INPUTS, Stage
from models.contract.events import EVENTS
from models.errors import PathcastError
from models.policies.context_columns import BASE, Column

#: Words of a column with a number of their own, the most frequent ones; others share one.
MAX_WORDS: Final = 32
#: Words of live contexts, known whether or not the log has them.
LIVE_WORDS: Final = {"stage": get_args(Stage), "event": EVENTS}


class ColumnsError(PathcastError):
    """The columns of a log are too many for a policy."""


def fit_columns(context: pl.DataFrame, kept: Sequence[str] = ()) -> tuple[Column, ...]:
    """One column each; constant numbers are left out unless they are `kept`.

    Raises ColumnsError for too many.
    """
    columns = [
        column
        for series in context.get_columns()
        if (column := _fitted(series, series.name in kept)) is not None
    ]
    inputs = sum(column.name not in BASE for column in columns)
    if inputs > MAX_INPUTS:
        raise ColumnsError(
            f"the context has {inputs} columns; expected at most {MAX_INPUTS}, since each is on the record "
            "of every decision; choose some by --context"
        )
    return tuple(columns)


def _fitted(series: pl.Series, kept: bool) -> Column | None:
    if series.dtype == pl.String:
        return Column(series.name, words=LIVE_WORDS.get(series.name) or _words(series))
    values = series.cast(pl.Float64).to_numpy().astype(np.float64)
    known = values[np.isfinite(values)]
    spread = float(known.std()) if len(known) else 0.0
    missing = len(known) < len(values)
    if spread <= 1e-12 * max(1.0, float(np.abs(known).max(initial=0.0))):
        if not (missing and len(known)) and not kept:
            return None
        spread = 1.0
    return Column(series.name, float(known.mean()) if len(known) else 0.0, spread, missing)


def _words(series: pl.Series) -> tuple[str, ...]:
    counts = (
        series.drop_nulls()
        .value_counts(sort=True, name="times")
        .sort(["times", series.name], descending=[True, False])
    )
    return tuple(sorted(counts[series.name].to_list()[:MAX_WORDS]))
