"""`pathcast benchmark lapsing`."""

import json
from pathlib import Path

import click

from deploy.terminal.log_options import FILE, mapping_option
from deploy.terminal.renamed_options import renamed_option
from deploy.terminal.time_option import parsed_time
from deploy.terminal.training_options import figures_option

#: Days of absence of the visitors who are judged: those whom a sweep publishes by default.
_ABSENT = (3.0, 30.0)


@click.command()
@click.option(
    "--events", multiple=True, required=True, type=FILE, help="File of a log; repeat it to join several."
)
@mapping_option
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
    events: tuple[Path, ...], mapping: dict[str, str], cutoff: int, within_days: float, out: Path | None
) -> None:
    """Compare predicted lapsing visitors with who came back, next to a ranking by days of absence."""
    from trainer.forecasting.lapsing_training import judge
    from trainer.logs.log_files import read_log
    from trainer.logs.reading import reading

    with reading(events):
        found = judge(read_log(events, mapping), cutoff, within_days, _ABSENT)
    text = json.dumps(found, indent=1)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n")
