"""The format that is advised for a time reads it."""

import polars as pl
import pytest

from trainer.tables.dialect import Dialect
from trainer.tables.time_advice import advice, fitting_formats
from trainer.tables.time_text import epoch_ms

#: 1 March 2026, 08:01, as spreadsheets and servers write it.
EIGHT = 1_772_352_060_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3/1/2026 8:01 AM", ["%d/%m/%Y %I:%M %p", "%m/%d/%Y %I:%M %p"]),
        ("13/1/2026 8:01", ["%d/%m/%Y %H:%M"]),
        ("1 Mar 2026, 08:01:00", ["%d %b %Y, %H:%M:%S"]),
        ("Mar 1, 2026 8:01:00 AM", ["%b %d, %Y %I:%M:%S %p"]),
        ("01/Mar/2026:08:01:00 +0000", ["%d/%b/%Y:%H:%M:%S %z"]),
        ("yesterday", []),
        ("", []),
    ],
)
def test_formats_that_read_a_time_are_advised(value: str, expected: list[str]) -> None:
    assert fitting_formats(value)[:2] == expected
    assert all(form in advice(value) for form in expected)


@pytest.mark.parametrize("value", ["1 Mar 2026, 08:01:00", "3/1/2026 8:01 AM", "20260301080100"])
def test_followed_word_for_word_the_advice_works(value: str) -> None:
    times = [
        pl.DataFrame({"ts": [value]}).select(epoch_ms(pl.String(), Dialect(time_format=form)))["ts"][0]
        for form in fitting_formats(value)
    ]
    assert EIGHT in times


def test_without_a_format_that_fits_the_option_is_explained() -> None:
    assert "--time-format FORMAT (as strptime has it)" in advice("yesterday")
    assert "--time-format FORMAT" in advice(None)
