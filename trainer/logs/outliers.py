"""Prices of a log that are no amounts, and the bounds beyond which an amount is an outlier."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from models.contract.events import OUTLIER_FACTOR, AmountBounds
from models.forms.missing import MISSING
from trainer.logs.open_log import open_log
from trainer.tables.dialect import DETECTED, Dialect
from trainer.tables.number_text import amounts

_PRICE = pl.col("price")
_NUMBER = pl.col("number")
_GIVEN = ~_PRICE.cast(pl.String).str.strip_chars().is_in(sorted(MISSING))
_KINDS = {
    "NaN": _NUMBER.is_nan(),
    "infinite": _NUMBER.is_infinite(),
    "negative": (_NUMBER < 0) & _NUMBER.is_finite(),
    "no number": _NUMBER.is_null() & _GIVEN,
}


def price_outliers(
    files: Sequence[Path], mapping: Mapping[str, str], dialect: Dialect = DETECTED
) -> tuple[int, dict[str, int]]:
    """How many rows have a price, and how many of those one that is no amount, by kind.

    Raises LogError.
    """
    rows, found = 0, dict.fromkeys(_KINDS, 0)
    for path in files:
        opened = open_log(path, mapping, dialect)
        kind = opened.frame.collect_schema().get("price")
        if kind is None:
            continue
        number = amounts(_PRICE, opened.dialect.decimal) if kind == pl.String else _PRICE.cast(pl.Float64)
        log = opened.frame.select(_PRICE, number.alias("number"))
        counts = [kind.sum().alias(name) for name, kind in _KINDS.items()]
        one = log.select((_GIVEN | _KINDS["NaN"]).sum().alias("rows"), *counts).collect().row(0, named=True)
        rows += one.pop("rows")
        found = {name: found[name] + count for name, count in one.items()}
    return rows, {name: count for name, count in found.items() if count}


def learned_bounds(log: pl.DataFrame) -> AmountBounds:
    """Bounds from a log in the contract's columns: by currency 100 times the price of its dearest items.

    An item's price is the median of its events, the dearest is the 99th percentile of the items: neither
    an event's wrong decimal point nor some wrong items move them. Where the log has one currency, events that
    name none are bounded by it, too.
    """
    if "price" not in log.columns:
        return AmountBounds()
    missing = [
        pl.lit(None, pl.String).alias(name) for name in ("item_id", "currency") if name not in log.columns
    ]
    priced = log.with_columns(missing).filter(_PRICE.is_finite() & (_PRICE > 0))
    items = priced.group_by("currency", "item_id").agg(_PRICE.median())
    dearest = items.group_by("currency").agg(_PRICE.quantile(0.99, "higher"))
    rows = sorted(dearest.iter_rows(), key=lambda row: row[0] or "")
    found = {currency or "": OUTLIER_FACTOR * price for currency, price in rows}
    if len(found) == 1:
        found |= dict.fromkeys(("",), next(iter(found.values())))
    return AmountBounds(found)
