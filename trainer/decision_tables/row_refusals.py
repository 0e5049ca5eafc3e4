"""Rows of a log of decisions that cannot be used: found with line, value and cure, counted by reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from trainer.tables.log_error import LogError
from trainer.tables.table import BROKEN, LINE

#: Largest reward or number of a context, and least propensity: their squares and sums remain finite.
MOST, LEAST = 1e30, 1e-30
#: What each reason expects of the row.
EXPECTED: Mapping[str, str] = {
    "line": "a line with as many fields as the header",
    "action": "the name of an action",
    "propensity": f"a number of at least {LEAST:g} and at most 1",
    "reward": f"a number, at most {MOST:g} in size",
    "ts": "a time such as 2026-01-31T12:00:00Z or epoch milliseconds",
    "visitor_id": "an id",
    "trajectory": "an id",
    "step": "a whole number",
    "allowed": "one action or more, such as a|b, and the logged action among them",
    "probabilities": "probabilities by action that sum to 1, with the propensity at the logged action",
}
#: The propensity of a certain action may be off by rounding.
ROUNDING = 1e-6


@dataclass(frozen=True)
class RowCounts:
    """`read` rows = `used` + the sum of `refused`, which counts by the first reason that a row fails."""

    read: int
    used: int
    refused: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: "RowCounts") -> "RowCounts":
        reasons = {*self.refused, *other.refused}
        refused = {one: self.refused.get(one, 0) + other.refused.get(one, 0) for one in sorted(reasons)}
        return RowCounts(self.read + other.read, self.used + other.used, refused)


def usable(name: str, frame: pl.DataFrame, skip: bool) -> tuple[pl.DataFrame, RowCounts]:
    """The rows without a reason in the column `_reason`, and the counts.

    Raises LogError with the first refused row unless `skip`.
    """
    bad = frame.filter(pl.col("_reason").is_not_null())
    counts = bad["_reason"].value_counts().sort("_reason").rows()
    if bad.height and not skip:
        raise LogError(_first(name, bad, dict(counts)))
    good = frame.filter(pl.col("_reason").is_null())
    return good, RowCounts(frame.height, good.height, dict(counts))


def _first(name: str, bad: pl.DataFrame, counts: Mapping[str, int]) -> str:
    row = bad.row(0, named=True)
    reason = row["_reason"]
    value = row[BROKEN] if reason == "line" else row.get(f"{reason}_said")
    said = "missing" if value is None else repr(value)[:80]
    more = ", ".join(f"{count:,} by {one}" for one, count in counts.items())
    return (
        f"{name} row {row[LINE]}: {reason} is {said}; expected {EXPECTED[reason]}. Refused rows in this "
        f"file: {more}. Mend the log, or leave such rows out and have them counted: --skip-refused"
    )


def reason(checks: Mapping[str, pl.Expr]) -> pl.Expr:
    """The first reason whose expression is not true, null for a row that passes."""
    found = pl.lit(None, dtype=pl.String)
    for name, passes in reversed(tuple(checks.items())):
        found = pl.when(passes.fill_null(False)).then(found).otherwise(pl.lit(name))
    return found.alias("_reason")


def sound(fields: Mapping[str, str]) -> dict[str, pl.Expr]:
    """The checks of the fields that a file has, on the columns that the reader made of them."""
    checks = {"line": pl.col(BROKEN).is_null()}
    checks["action"] = pl.col("action").str.strip_chars() != ""
    propensity, reward = pl.col("propensity"), pl.col("reward")
    checks["propensity"] = propensity.is_finite() & propensity.is_between(LEAST, 1 + ROUNDING)
    checks["reward"] = reward.is_finite() & (reward.abs() <= MOST)
    for known in ("ts", "visitor_id", "trajectory", "step"):
        if known in fields:
            checks[known] = pl.col(known).is_not_null()
    if "allowed" in fields:
        checks["allowed"] = pl.col("allowed").list.contains(pl.col("action"))
    if "probabilities" in fields:
        checks["probabilities"] = pl.col("probabilities").is_not_null()
    return checks
