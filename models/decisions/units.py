"""Format numbers with their units."""

from typing import Final

_MINUTES: Final = 60


def percent(share: float) -> str:
    """`27.4%` of 0.274, to the four decimals that are published."""
    return f"{round(100 * share, 4):.4g}%"


def points(change: float) -> str:
    """`+21 percentage points` of 0.2137: a difference of probabilities."""
    value = 100 * change
    shown = f"{value:+.0f}" if abs(value) >= 10 else f"{value:+.2g}"
    return f"{shown} percentage {'point' if shown[1:] == '1' else 'points'}"


def money(amount: float, currency: str) -> str:
    """`1,250.00 EUR`; without a currency `1,250.00 in the shop's currency`."""
    thousandths = f"{amount:,.3f}"
    shown = thousandths.removesuffix("0")
    return f"{shown} {currency}" if currency else f"{shown} in the shop's currency"


def count(number: int, thing: str) -> str:
    """`1 click`, `3 clicks`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def minutes(number: int) -> str:
    """`45 minutes`, `2 hours`, `1 hour 30 minutes`."""
    hours, rest = divmod(number, _MINUTES)
    parts = ([count(hours, "hour")] if hours else []) + ([count(rest, "minute")] if rest else [])
    return " ".join(parts) or count(0, "minute")


def often(number: int, span: str) -> str:
    """`once a day`, `at most 3 times a day`."""
    return f"once a {span}" if number == 1 else f"at most {number:,} times a {span}"
