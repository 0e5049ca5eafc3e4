"""`pathcast demand`."""

import json
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from deploy.terminal.log_options import ShopLog, log_options
from deploy.terminal.out_file import OUT
from deploy.terminal.renamed_options import renamed_option
from deploy.terminal.tables import print_table
from deploy.terminal.time_option import parsed_time
from models.contract.events import EVENTS
from models.forecasting.planning import HORIZONS, Supply

_DAYS = click.FloatRange(min=0, max=365)
_DEFAULTS = Supply()


@click.command()
@log_options(
    "Catalogue: adds items that were never sold, categories and stock.", event_map=False, every_row=False
)
@click.option(
    "--horizon",
    type=click.Choice(list(HORIZONS)),
    default="daily",
    show_default=True,
    help="hourly: the next 24 hours; daily: 7 days; weekly: 1 week.",
)
@renamed_option(
    "--as-of",
    old="--at",
    callback=parsed_time,
    help="Start of the forecast (UTC); later events are ignored  [default: the log's end].",
)
@renamed_option(
    "--event",
    old="--demand",
    type=click.Choice(EVENTS),
    help="Event that counts as demand  [purchase, or view_item if the log has none].",
)
@click.option(
    "--pieces/--events-only", "pieces", default=True, help="Sum up quantities, or count 1 for each event."
)
@click.option(
    "--lead-days",
    type=_DAYS,
    default=_DEFAULTS.lead_days,
    show_default=True,
    help="Days from an order to its arrival.",
)
@click.option(
    "--review-days",
    type=_DAYS,
    default=_DEFAULTS.review_days,
    show_default=True,
    help="Days between two reviews of the stock.",
)
@renamed_option(
    "--service-level",
    old="--service",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=_DEFAULTS.service,
    show_default=True,
    help="Probability that the stock lasts until an order of the next review arrives.",
)
@click.option("--json", "out", required=True, type=OUT, help="Write the forecasts to this JSON file.")
def command(
    log: ShopLog,
    horizon: str,
    as_of: int | None,
    event: str | None,
    pieces: bool,
    lead_days: float,
    review_days: float,
    service_level: float,
    out: Path,
) -> None:
    """Forecast the demand for every item, with quantiles, days of cover and reorder hints.

    The report also compares these forecasts with naive ones on the last days of the log. Days are UTC.
    """
    from trainer.forecasting import demand_forecast
    from trainer.forecasting.demand_training import sales
    from trainer.logs.reading import reading

    listed = log.catalogue()
    with reading(log.events):
        found = sales(log.frame(), listed, event, pieces)
    supply = Supply(lead_days, review_days, service_level)
    stock = {name: count for name in listed if (count := listed[name].stock) is not None}
    made = demand_forecast.forecast(found, horizon, as_of, stock, supply)
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
        f"{len(made['items']):,} items, {zeros:.1%} of their periods without demand; the stock of "
        f"{stocked:,} is known, {hints:,} of these need an order"
    )
    return table
