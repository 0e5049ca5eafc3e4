"""`pathcast benchmark lapsing`."""

import json
from pathlib import Path

import click

from deploy.terminal.dialect_options import dialect_options
from deploy.terminal.event_map_option import event_map_option
from deploy.terminal.log_options import FILE, shop_log
from deploy.terminal.map_option import mapping_option
from deploy.terminal.renamed_options import renamed_option
from deploy.terminal.time_option import parsed_time
from deploy.terminal.training_options import figures_option
from models.contract.aliases import EventNames
from trainer.tables.dialect import Dialect

#: Days of absence of the visitors who are judged: those whom a sweep publishes by default.
_ABSENT = (3.0, 30.0)


@click.command()
@click.option(
    "--events", multiple=True, required=True, type=FILE, help="File of a log; repeat it to join several."
)
@mapping_option
@event_map_option
@dialect_options()
@renamed_option(
    "--cutoff",
    old="--at",
    required=True,
    callback=parsed_time,
    help="Learn from events before this time, judge by those after it (UTC).",
)
@click.option(
    "--within-days",
    default=14.0,
    show_default=True,
    help="A visitor is lost who does not come back within this many days.",
)
@figures_option
def lapsing(
    events: tuple[Path, ...],
    mapping: dict[str, str],
    names: EventNames,
    dialect: Dialect,
    cutoff: int,
    within_days: float,
    out: Path | None,
) -> None:
    """Compare predicted lapsing visitors with who came back, next to a ranking by days of absence."""
    from trainer.forecasting.lapsing_training import judge
    from trainer.logs.reading import reading

    log = shop_log(events, None, mapping, names, dialect)
    with reading(events):
        found = judge(log.frame(), cutoff, within_days, _ABSENT)
    text = json.dumps(found, indent=1)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n")
