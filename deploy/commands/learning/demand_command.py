"""`pathcast demand`."""

import json
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from deploy.terminal.log_options import FILE, events_option, mapping_option
from deploy.terminal.out_file import OUT
from deploy.terminal.tables import print_table
from deploy.terminal.time_option import moment
from models.contract.events import EVENTS
from models.forecasting.planning import HORIZONS, Supply

_DAYS = click.FloatRange(min=0, max=365)
_USUAL = Supply()


@click.command()
@events_option
@click.option("--items", type=FILE, help="Catalogue: items never sold, categories, and stock.")
@mapping_option
@click.option("--horizon", type=click.Choice(list(HORIZONS)), default="daily", show_default=True)
@click.option("--at", callback=moment, help="Forecast from here on (UTC)  [default: the log's end].")
@click.option("--demand", "event", type=click.Choice(EVENTS), help="What counts  [purchase, else view_item].")
@click.option("--pieces/--events-only", "pieces", default=True, help="Count quantities, or one an event.")
@click.option(
    "--lead-days", type=_DAYS, default=_USUAL.lead_days, show_default=True, help="Order to arrival."
)
@click.option(
    "--review-days", type=_DAYS, default=_USUAL.review_days, show_default=True, help="Between two looks."
)
@click.option(
    "--service",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=_USUAL.service,
    show_default=True,
    help="Chance to have enough until an order of the next look arrives.",
)
@click.option("--json", "out", required=True, type=OUT)
def command(
    events: tuple[Path, ...],
    items: Path | None,
    mapping: dict[str, str],
    horizon: str,
    at: int | None,
    event: str | None,
    pieces: bool,
    lead_days: float,
    review_days: float,
    service: float,
    out: Path,
) -> None:
    """Forecast the demand for every item, with quantiles, days of cover and reorder hints.

    The report beside the forecasts compares with naive ones on the log's latest days. Days are UTC.
    """
    from trainer.forecasting import demand_forecast
    from trainer.forecasting.demand_training import sales
    from trainer.logs.catalogue_file import catalogue
    from trainer.logs.log_files import read_log
    from trainer.logs.reading import reading

    listed = catalogue(items)
    with reading(events):
        found = sales(read_log(events, mapping), listed, event, pieces)
    supply = Supply(lead_days, review_days, service)
    stock = {name: count for name in listed if (count := listed[name].stock) is not None}
    made = demand_forecast.forecast(found, horizon, at, stock, supply)
    out.write_text(json.dumps(made, indent=1) + "\n")
    print_table(_table(made))


def _table(made: dict[str, Any]) -> Table:
    figures = ("wape", "wape_of_median", "bias", "pinball", "below_upper")
    table = Table(
        "level", "method", *figures, title=f"{made['demand']}, {made['horizon']} from {made['from']}"
    )
    for level, methods in made["judged"].items():
        for name, found in methods.items():
            table.add_row(level, name, *(f"{found[figure]:.4g}" for figure in figures))
    hints = sum(1 for item in made["items"] if item.get("order"))
    stocked = sum(1 for item in made["items"] if "days_of_cover" in item)
    zeros = made["judged"]["item"]["shrinkage"]["zeros"]
    table.caption = (
        f"{len(made['items']):,} items, {zeros:.1%} of their periods without demand; stock known of "
        f"{stocked:,}, of which {hints:,} are to be ordered"
    )
    return table
