"""Files of logged decisions as `LoggedDecisions`: any table that `trainer.tables` opens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trainer.decision_tables.action_columns import known_actions, mask_of, positions, probability_matrix
from trainer.decision_tables.decision_columns import WORD, decision_columns
from trainer.decision_tables.decision_values import CONTEXT, typed
from trainer.decision_tables.reward_files import reward_file
from trainer.decision_tables.row_refusals import MOST, RowCounts, reason, sound, usable
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.tables.dialect import DETECTED, Dialect
from trainer.tables.log_error import LogError
from trainer.tables.number_text import amounts
from trainer.tables.open_table import check_named, open_table


@dataclass(frozen=True)
class DecisionLog:
    """The decisions that can be used, and what became of all rows."""

    decisions: LoggedDecisions
    counts: RowCounts


@dataclass(frozen=True)
class HowRead:
    """How files are read. `mapping`: column by field, where names differ (`decision_columns.FIELDS`).

    `context`: the columns that are context, `COLUMN:word` for numbers that are names; None: all others.
    `skip_refused`: rows that cannot be used are counted and left out.
    """

    mapping: Mapping[str, str]
    context: Sequence[str] | None = None
    dialect: Dialect = DETECTED
    skip_refused: bool = False


def read_decisions(paths: Sequence[Path], how: HowRead) -> DecisionLog:
    """Read files of logged decisions as one log.

    Raises LogError for the first row that cannot be used, unless `skip_refused`; for files without a usable
    row; for columns that are missing or unfit.
    """
    frames, counts = zip(*(_file(path, how) for path in paths), strict=True)
    total = reduce(add, counts)
    if not total.used:
        found = ", ".join(f"{count:,} by {name}" for name, count in total.refused.items()) or "none"
        raise LogError(
            f"{', '.join(path.name for path in paths)}: no decision to use among {total.read:,} rows "
            f"(refused: {found}); expected at least one: check the file and --map"
        )
    return DecisionLog(_decisions(_together(frames), how), total)


def _file(path: Path, how: HowRead) -> tuple[pl.DataFrame, RowCounts]:
    records = reward_file(path)
    table = open_table(path, how.dialect) if records is None else records.table
    check_named(path, table, how.dialect)
    context = how.context if how.context is not None or records is None else records.context
    columns = decision_columns(path.name, table, how.mapping, context)
    frame = typed(path.name, table, columns, how.dialect)
    good, counts = usable(path.name, frame.with_columns(reason(sound(columns.fields))), how.skip_refused)
    return good.select(*columns.fields, *(f"{CONTEXT}{one}" for one in columns.context)), counts


def _together(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Files as one table. Raises LogError where they have different columns."""
    first = set(frames[0].columns)
    for frame in frames[1:]:
        if odd := first ^ set(frame.columns):
            name = min(odd).removeprefix(CONTEXT)
            raise LogError(
                f"the files of --log differ: only some of them have the column {name!r}; expected the same "
                "columns in all: name those of the context by --context, or evaluate them one by one"
            )
    return pl.concat([frame.select(frames[0].columns) for frame in frames], how="vertical_relaxed")


def _decisions(frame: pl.DataFrame, how: HowRead) -> LoggedDecisions:
    actions = known_actions(frame)
    chances = probability_matrix(frame["probabilities"], actions) if "probabilities" in frame else None
    return LoggedDecisions(
        actions=actions,
        action=positions(frame["action"], actions),
        propensity=np.minimum(frame["propensity"].to_numpy(), 1.0),
        reward=frame["reward"].to_numpy(),
        context=_context(frame, how),
        allowed=mask_of(frame["allowed"], actions) if "allowed" in frame else None,
        probabilities=chances,
        visitor=_codes(frame, "visitor_id"),
        ts=frame["ts"].to_numpy() if "ts" in frame else None,
        trajectory=_codes(frame, "trajectory"),
        step=frame["step"].to_numpy() if "step" in frame else None,
    )


def _codes(frame: pl.DataFrame, column: str) -> NDArray[np.int64] | None:
    if column not in frame:
        return None
    return frame[column].rank("dense").cast(pl.Int64).to_numpy() - 1


def _context(frame: pl.DataFrame, how: HowRead) -> pl.DataFrame:
    """Text is numbers where every value of the column in all files is one."""
    words = {one.removesuffix(WORD) for one in how.context or () if one.endswith(WORD)}
    columns = [one for one in frame.columns if one.startswith(CONTEXT)]
    named = frame.select(pl.col(one).alias(one.removeprefix(CONTEXT)) for one in columns)
    typed_columns = [
        column if column.name in words else _numbers(column, how.dialect) for column in named.get_columns()
    ]
    for column in typed_columns:
        _check_size(column)
    return pl.DataFrame(typed_columns)


def _check_size(column: pl.Series) -> None:
    """Numbers that are infinite or NaN are unknown; finite ones beyond MOST have no usable deviation."""
    if column.dtype == pl.String:
        return
    huge = column.filter(column.is_finite() & (column.abs() > MOST))
    if len(huge):
        raise LogError(
            f"the context column {column.name!r} holds {huge[0]:g}; expected numbers of at most {MOST:g} in "
            "size: correct it, or leave the column out by --context"
        )


def _numbers(column: pl.Series, dialect: Dialect) -> pl.Series:
    if column.dtype != pl.String:
        return column.cast(pl.Float64)
    found = column.to_frame().select(amounts(pl.col(column.name), dialect.decimal)).to_series()
    return found if found.null_count() == column.null_count() else column
