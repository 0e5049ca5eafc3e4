"""Amounts as people and spreadsheets write them: `1.012,50`, `$1,012.50`, `12,50 €`, `1 012,50`."""

from collections.abc import Sequence

import polars as pl

#: Currency signs and codes, spaces and apostrophes between thousands.
_AROUND = r"[\p{Sc}\s\u00a0\u202f'’]|^[A-Z]{3}|[A-Z]{3}$"
_GROUPS = r"^[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$"
#: What only a decimal comma, or only a decimal point, explains.
_COMMA = r"\d,\d{1,2}$|\d,\d{4,}$|\.\d{3},\d+$|^[-+]?0,\d+$|\.\d{3}\.\d{3}"
_POINT = r"\d\.\d{1,2}$|\d\.\d{4,}$|,\d{3}\.\d+$|^[-+]?0?\.\d+$|,\d{3},\d{3}"


def decimal_of(columns: Sequence[pl.Expr]) -> pl.Expr:
    """ "," or "." where the values of columns have but one explanation, else null."""
    bare = [_bare(texts) for texts in columns]
    comma = pl.any_horizontal(*(texts.str.contains(_COMMA).any() for texts in bare))
    point = pl.any_horizontal(*(texts.str.contains(_POINT).any() for texts in bare))
    return pl.when(comma & ~point).then(pl.lit(",")).when(point & ~comma).then(pl.lit("."))


def amounts(texts: pl.Expr, decimal: str | None) -> pl.Expr:
    """Numbers as Float64; null where a text has none, or more than one explanation.

    A value such as `1,012` needs to know the decimal mark.
    """
    if decimal == ",":
        bare = _bare(texts).str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        return bare.cast(pl.Float64, strict=False)
    return texts.str.strip_chars().cast(pl.Float64, strict=False).fill_null(_written(texts, decimal))


def _written(texts: pl.Expr, decimal: str | None) -> pl.Expr:
    """Numbers with signs, codes and groups of thousands."""

    def read(values: pl.Series) -> pl.Series:
        frame, bare = values.to_frame("text"), _bare(pl.col("text"))
        grouped = bare.str.contains(_GROUPS)
        if decimal is None:
            grouped &= bare.str.contains(_POINT)
        ungrouped = pl.when(grouped).then(bare.str.replace_all(",", "", literal=True)).otherwise(bare)
        return frame.select(ungrouped.cast(pl.Float64, strict=False)).to_series()

    rest = pl.when(texts.str.strip_chars().cast(pl.Float64, strict=False).is_null()).then(texts)
    return rest.map_batches(
        lambda values: read(values) if values.null_count() < len(values) else values.cast(pl.Float64),
        return_dtype=pl.Float64,
        is_elementwise=True,
    )


def _bare(texts: pl.Expr) -> pl.Expr:
    return texts.str.replace_all(_AROUND, "")
