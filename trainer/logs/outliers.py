"""Prices of a log that are no amounts: they are not learned from, and counted so that somebody sees it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from models.contract.values import MISSING
from trainer.logs.log_files import renamed

_PRICE = pl.col("price")
_NUMBER = _PRICE.cast(pl.Float64, strict=False)
_GIVEN = ~_PRICE.cast(pl.String).str.strip_chars().is_in(sorted(MISSING))
_KINDS = {
    "NaN": _NUMBER.is_nan(),
    "infinite": _NUMBER.is_infinite(),
    "negative": (_NUMBER < 0) & _NUMBER.is_finite(),
    "no number": _NUMBER.is_null() & _GIVEN,
}


def price_outliers(files: Sequence[Path], mapping: Mapping[str, str]) -> tuple[int, dict[str, int]]:
    """How many rows have a price, and how many of those one that is no amount, by kind.

    Raises LogError.
    """
    rows, found = 0, dict.fromkeys(_KINDS, 0)
    for path in files:
        log = renamed(path, mapping)
        if "price" not in log.collect_schema():
            continue
        counts = [kind.sum().alias(name) for name, kind in _KINDS.items()]
        one = log.select((_GIVEN | _KINDS["NaN"]).sum().alias("rows"), *counts).collect().row(0, named=True)
        rows += one.pop("rows")
        found = {name: found[name] + count for name, count in one.items()}
    return rows, {name: count for name, count in found.items() if count}
