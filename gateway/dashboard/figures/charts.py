"""Panels with a chart. Colours and fonts are set by the script that draws, for light and dark."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.dashboard.figures.panels import PagePanel, count_text, day_and_time, decimal_text, plain


def chart_panel(
    name: str,
    title: str,
    window: str,
    traces: list[dict[str, Any]],
    table: tuple[Sequence[str], str, list[list[str]]],
    empty: str,
    layout: Mapping[str, Any] | None = None,
) -> PagePanel:
    """A chart with its values as a table (columns, alignment, rows); `empty` stands where there are none."""
    columns, align, rows = table
    return PagePanel(
        id=name,
        title=title,
        window=window,
        kind="chart",
        traces=traces if rows else [],
        layout=dict(layout or {}),
        columns=list(columns),
        align=align,
        rows=rows,
        empty="" if rows else plain(empty),
    )


def bars(name: str, title: str, window: str, counts: Mapping[str, float], of: str, empty: str) -> PagePanel:
    """Upright bars of counts by name, in the given order."""
    trace = {"type": "bar", "x": list(counts), "y": list(counts.values()), "name": of}
    rows = [[key, count_text(value)] for key, value in counts.items()] if any(counts.values()) else []
    return chart_panel(name, title, window, [trace], ((of, "count"), "lr", rows), empty)


def lines(
    name: str,
    title: str,
    window: str,
    series: Mapping[str, Sequence[tuple[int, float]]],
    unit: str,
    empty: str,
) -> PagePanel:
    """A line by name over the same times (epoch ms)."""
    times = [day_and_time(at) for at, _ in next(iter(series.values()), ())]
    traces = [
        {"type": "scatter", "mode": "lines", "name": key, "x": times, "y": [round(y, 3) for _, y in points]}
        for key, points in series.items()
    ]
    columns = [[decimal_text(y, 1) for _, y in points] for points in series.values()]
    rows = [list(row) for row in zip([one[11:] for one in times], *columns, strict=True)]
    busy = any(y for points in series.values() for _, y in points)
    table = (("time (UTC)", *series), "l" + "r" * len(series), rows if busy else [])
    return chart_panel(name, title, window, traces, table, empty, {"yaxis": {"title": {"text": unit}}})
