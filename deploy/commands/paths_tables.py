"""Tables of `pathcast paths`."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from deploy.commands.paths_values import SegmentValues, WindowValues, share
from deploy.terminal.tables import print_table
from deploy.terminal.time_option import utc_text

#: Columns of the funnel: sessions that reached these events.
FUNNEL = ("view_item", "add_to_cart", "begin_checkout", "purchase")
MILLI = 1000


def print_tables(values: WindowValues) -> None:
    """Funnel and sessions, steps, paths, trends."""
    when = f"{utc_text(values.start)} to {utc_text(values.end)}, {len(values.partitions)} partitions"
    for table in (_funnel(values.segments, when), _ended(values.segments), _steps(values.segments)):
        print_table(table)
    print_table(_paths(values.segments))
    for kind, rows in values.trends.items():
        table = Table(kind, "interest", "purchases", "before", "expected", "score", title=f"Trending {kind}")
        for row in rows:
            figures = f"{row['expected']:.1f}", f"{row['score']:.1f}"
            _add(table, row["key"], *(f"{row[name]:,}" for name in ("now", "bought", "before")), *figures)
        print_table(table)


def _funnel(segments: Sequence[SegmentValues], when: str) -> Table:
    table = Table("segment", "clicks", "sessions started", *FUNNEL, title=f"Funnel: {when}")
    for one in segments:
        started, reached = one.flows.sessions.get("started", 0), one.flows.reached
        steps = (f"{reached.get(name, 0):,}" for name in FUNNEL)
        _add(table, one.segment, f"{sum(one.flows.events.values()):,}", f"{started:,}", *steps)
    return table


def _ended(segments: Sequence[SegmentValues]) -> Table:
    table = Table(
        *("segment", "sessions ended", "bought", "carts", "abandoned", "value left"),
        *("searches with a count", "without results"),
        title="Sessions that ended, and searches",
    )
    for one in segments:
        known, searches = one.flows.sessions, one.flows.searches
        ended, bought, carted, abandoned, left = (
            known.get(name, 0) for name in ("ended", "bought", "carted", "abandoned", "abandoned_milli")
        )
        counts = f"{ended:,}", _part(bought, ended), f"{carted:,}", _part(abandoned, carted)
        reported, empty = searches.get("reported", 0), searches.get("empty", 0)
        _add(table, one.segment, *counts, f"{left / MILLI:,.2f}", f"{reported:,}", _part(empty, reported))
    return table


def _steps(segments: Sequence[SegmentValues]) -> Table:
    table = Table("segment", "step", "clicks", title="Most frequent steps")
    for one in segments:
        frequent = sorted(one.flows.steps.items(), key=lambda step: (-step[1], step[0]))
        for step, clicks in frequent[: len(one.paths) or 1]:
            _add(table, one.segment, step, f"{clicks:,}")
    return table


def _paths(segments: Sequence[SegmentValues]) -> Table:
    table = Table("segment", "path", "sessions", "bought", title="Most frequent paths before a purchase")
    for one in segments:
        for row in one.paths:
            more = f" to {row.sessions + one.error:,}" if one.error else ""
            _add(
                table,
                one.segment,
                row.path or "-",
                f"{row.sessions:,}{more}",
                _part(row.bought, row.sessions),
            )
        sessions, bought = one.other_paths
        if sessions:
            _add(table, one.segment, "all other paths", f"{sessions:,}", _part(bought, sessions))
    return table


def _part(part: int, whole: int) -> str:
    found = share(part, whole)
    return f"{part:,}" if found is None else f"{part:,} ({found:.1%})"


def _add(table: Table, *cells: str) -> None:
    """A row whose cells may hold anything that a shop sends, such as control characters."""
    table.add_row(*(Text("".join(char if char.isprintable() else "�" for char in cell)) for cell in cells))
