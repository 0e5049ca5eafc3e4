"""Columns that name actions: one action, the allowed ones, probabilities by action."""

import json
from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

#: Probabilities may sum to 1 but for this, because logs round them.
ROUNDING = 1e-4
PROBABILITIES = pl.List(pl.Struct({"name": pl.String, "p": pl.Float64}))
_by_action = msgspec.json.Decoder(dict[str, float]).decode


def action_text(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """Names of actions or ids as text; whole numbers are written without a point."""
    if kind.is_float():
        whole = column == column.round()
        return (
            pl.when(whole)
            .then(column.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(column.cast(pl.String))
        )
    return column.cast(pl.String).str.strip_chars()


def allowed_names(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """Lists of names, of text such as `a|b` or of lists; empty and missing names are left out."""
    named = isinstance(kind, pl.List)
    lists = column.cast(pl.List(pl.String)) if named else column.cast(pl.String).str.split("|")
    name = pl.element().str.strip_chars()
    return lists.list.eval(name.filter(name != ""))


def by_action(column: str, kind: pl.DataType) -> pl.Expr:
    """Probabilities of JSON objects (`{"a": 0.2, "b": 0.8}`) or structs, null where they are none.

    Uses the columns `action` and `propensity`, which must agree with them.
    """
    text = pl.col(column).struct.json_encode() if isinstance(kind, pl.Struct) else pl.col(column)
    row = pl.struct(text.cast(pl.String).alias("text"), "action", "propensity")
    return row.map_batches(_decoded, return_dtype=PROBABILITIES)


def _decoded(rows: pl.Series) -> pl.Series:
    found = [_one(row["text"], row["action"], row["propensity"]) for row in rows]
    return pl.Series(rows.name, found, dtype=PROBABILITIES)


def _one(text: str | None, action: str | None, propensity: float | None) -> list[dict[str, object]] | None:
    try:
        known = {name: p or 0.0 for name, p in json.loads(text or "").items()}
        found = _by_action(json.dumps(known))
    except (ValueError, AttributeError, msgspec.DecodeError):
        return None
    sums = abs(sum(found.values()) - 1) <= ROUNDING and min(found.values()) >= 0
    agrees = abs(found.get(action or "", 0.0) - (propensity or 0.0)) <= ROUNDING
    return [{"name": name, "p": p} for name, p in found.items()] if sums and agrees else None


def known_actions(frame: pl.DataFrame) -> tuple[str, ...]:
    """All names of actions in the columns of a log, numbers by size, others by name."""
    names = [frame["action"]]
    if "allowed" in frame:
        names.append(frame["allowed"].explode())
    if "probabilities" in frame:
        names.append(frame["probabilities"].explode().struct.field("name"))
    found = pl.concat([one.rename("action") for one in names]).drop_nulls().unique().to_list()
    return tuple(sorted(found, key=_order))


def _order(name: str) -> tuple[bool, int, str]:
    whole = name.isascii() and name.isdigit()
    return not whole, int(name) if whole else 0, name


def positions(names: pl.Series, actions: Sequence[str]) -> NDArray[np.int64]:
    """Position of each name in `actions`."""
    found: NDArray[np.int64] = names.cast(pl.Enum(list(actions))).to_physical().cast(pl.Int64).to_numpy()
    return found


def mask_of(allowed: pl.Series, actions: Sequence[str]) -> NDArray[np.bool_]:
    """Lists of names as bool [n, k]."""
    mask = np.zeros((len(allowed), len(actions)), dtype=np.bool_)
    rows = np.repeat(np.arange(len(allowed)), allowed.list.len().to_numpy())
    mask[rows, positions(allowed.explode(), actions)] = True
    return mask


def probability_matrix(probabilities: pl.Series, actions: Sequence[str]) -> NDArray[np.float64]:
    """Probabilities by name as float64 [n, k]; each row sums to 1."""
    matrix = np.zeros((len(probabilities), len(actions)))
    rows = np.repeat(np.arange(len(probabilities)), probabilities.list.len().to_numpy())
    entries = probabilities.explode().struct
    matrix[rows, positions(entries.field("name"), actions)] = entries.field("p").to_numpy()
    normal: NDArray[np.float64] = matrix / matrix.sum(axis=1, keepdims=True)
    return normal
