"""What a page is made of: figures, tables and charts, each with the window that it is of."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from gateway.dashboard.feeds.time_buckets import Window
from trainer.policy_reports.feedback_report import Interval

#: Stands where there is no value.
NONE = "–"


class NamedFigure(msgspec.Struct, frozen=True):
    """A number with its name; `value` is the number unrounded, `text` what is shown."""

    name: str
    text: str
    value: float | None = None


class PagePanel(msgspec.Struct, frozen=True, kw_only=True):
    """One box of a page. `window` says what time it is of; `empty` what to do where there is nothing yet.

    `align` has a letter for each column: `l` for text, `r` for numbers. `traces` and `layout` are Plotly's; a
    chart's `columns` and `rows` are its values as a table, for those who do not see the picture.
    """

    id: str
    title: str
    window: str
    kind: Literal["figures", "table", "chart"]
    empty: str = ""
    figures: list[NamedFigure] = []
    columns: list[str] = []
    align: str = ""
    rows: list[list[str]] = []
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    note: str = ""


class WindowChoice(msgspec.Struct, frozen=True):
    """A window with its text."""

    window: Window
    seconds: int

    @property
    def text(self) -> str:
        """Such as `last 5 min, 12:00:05 to 12:05:09 UTC`."""
        begin, end = clock(self.window.start), clock(self.window.end - 1)
        return f"last {duration_text(self.seconds)}, {begin} to {end} UTC"

    @property
    def length(self) -> float:
        """Seconds of the window; at least one."""
        return max(1.0, (self.window.end - self.window.start) / 1000)


def figures_panel(
    name: str, title: str, window: str, figures: Sequence[NamedFigure], note: str = ""
) -> PagePanel:
    """A row of numbers."""
    return PagePanel(id=name, title=title, window=window, kind="figures", figures=list(figures), note=note)


def table_panel(
    name: str, title: str, window: str, columns: Sequence[str], align: str, rows: list[list[str]], empty: str
) -> PagePanel:
    """A table; `empty` is shown in place of no rows."""
    return PagePanel(
        id=name,
        title=title,
        window=window,
        kind="table",
        columns=list(columns),
        align=align,
        rows=rows,
        empty="" if rows else plain(empty),
    )


def plain(text: str) -> str:
    """A text without the marks around names of commands, which a page does not need."""
    return text.replace("`", "")


def count_text(value: float | None) -> str:
    """A number with separators of thousands."""
    return NONE if value is None else f"{value:,.0f}"


def decimal_text(value: float | None, digits: int = 2) -> str:
    """A number with some decimals."""
    return NONE if value is None else f"{value:,.{digits}f}"


def percent_text(value: float | None) -> str:
    """A share in per cent."""
    return NONE if value is None else f"{100 * value:.1f}%"


def interval_text(found: Interval, percent: bool = True) -> str:
    """An estimate with its 95% interval."""
    show = percent_text if percent else lambda value: decimal_text(value, 3)
    ends = "" if found.low is None or found.high is None else f" ({show(found.low)} to {show(found.high)})"
    return show(found.value) + ends


def clock(at: int) -> str:
    """Time of day of epoch ms, UTC."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%H:%M:%S}"


def day_and_time(at: int) -> str:
    """Day and time of epoch ms, UTC."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S}" if at > 0 else NONE


def duration_text(seconds: int) -> str:
    """Seconds in the largest unit that divides them."""
    for unit, name in ((3600, "h"), (60, "min")):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
