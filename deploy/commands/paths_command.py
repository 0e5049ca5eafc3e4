"""`pathcast paths`: funnel, steps, paths and trends of a window, from the topic `analytics`."""

from __future__ import annotations

import click

from deploy.terminal.time_option import time_span
from models.errors import PathcastError
from models.state.visit_segment import DIMENSIONS


@click.command()
@click.option(
    "--last",
    "span_ms",
    default="1h",
    show_default=True,
    callback=time_span,
    help="Length of the window, such as `2d`, `6h` or `30m`, up to the newest pane (event time).",
)
@click.option(
    "--ago",
    "ago_ms",
    callback=time_span,
    help="Let the window end this long before the newest pane, such as `24h`.",
)
@click.option("--by", type=click.Choice((*DIMENSIONS, "visitor")), help="Compare the values of a dimension.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Rows of a table.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def command(span_ms: int, ago_ms: int | None, by: str | None, limit: int, as_json: bool) -> None:
    """Show how visitors go through the shop: funnel, steps, frequent paths with their conversion, trends.

    All partitions are added up. Windows are whole panes of ten minutes. Counts are exact, paths and trends
    within the error that is shown. Trends are against the window of the same length before.
    """
    from deploy.cluster.analytics_topic import read_analytics
    from deploy.commands import paths_tables, paths_values

    panes = read_analytics()
    ago = ago_ms or 0
    window = panes.last(span_ms, int(ago > 0), ago)
    before = panes.last(span_ms, 1, ago + span_ms)
    if not window.partitions:
        raise PathcastError(
            "no partition has counted anything in that window: choose a longer one (--last), or another end "
            "(--ago); panes are kept for PATHCAST_ANALYTICS_HOURS"
        )
    made = paths_values.values_of(window, before, by, limit)
    if as_json:
        click.echo(paths_values.json_text(made))
    else:
        paths_tables.print_tables(made)
