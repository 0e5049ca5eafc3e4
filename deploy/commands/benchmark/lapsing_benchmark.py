"""`pathcast benchmark lapsing`."""

import json
from pathlib import Path

import click

from deploy.terminal.log_options import FILE, mapping_option
from deploy.terminal.out_file import OUT
from deploy.terminal.time_option import moment

#: Days of absence of those who are judged: those whom a sweep publishes.
_ABSENT = (3.0, 30.0)


@click.command()
@click.option("--events", multiple=True, required=True, type=FILE, help="A log; give several as one.")
@mapping_option
@click.option("--at", required=True, callback=moment, help="Learn before this time, judge after it (UTC).")
@click.option("--within-days", default=14.0, show_default=True, help="Lost: no visit in so many days.")
@click.option("--json", "out", type=OUT, help="Write figures here.")
def lapsing(
    events: tuple[Path, ...], mapping: dict[str, str], at: int, within_days: float, out: Path | None
) -> None:
    """Judge who is said to be lapsing (about to be lost) by who came back, beside ordering by absence."""
    from trainer.forecasting.lapsing_training import judge
    from trainer.logs.log_files import read_log
    from trainer.logs.reading import reading

    with reading(events):
        found = judge(read_log(events, mapping), at, within_days, _ABSENT)
    text = json.dumps(found, indent=1)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n")
