"""`pathcast log ingest`."""

from contextlib import closing

import click

from deploy.terminal.failures import telling
from deploy.terminal.renamed_options import renamed_option


@click.command()
@click.option("--follow", is_flag=True, help="Continue with new records until Ctrl-C.")
@renamed_option(
    "--allow-recreated",
    old="--recreated",
    is_flag=True,
    help="Continue even if a topic was recreated or truncated.",
)
def ingest(follow: bool, allow_recreated: bool) -> None:
    """Write new records of the topics to the log, each committed record exactly once, even after a kill.

    If more rows are refused than PATHCAST_TRAINER_REFUSED_SHARE allows, a warning says what to do.
    """
    from deploy.runs import event_log
    from deploy.runs.progress_bar import working
    from trainer.settings import TrainerSettings

    writer = event_log.ingest(TrainerSettings(), allow_recreated)
    rows = 0
    with closing(writer), telling(lambda: _continuing(rows)), working("reading the topics") as say:
        while follow or not (writer.assigned and writer.behind() == 0):
            rows += writer.step()
            say(f"{rows:,} rows read")
        writer.flush()
    for line in writer.watch.told():
        click.echo(line, err=True)
    click.echo(f"{rows:,} rows written")


def _continuing(rows: int) -> str:
    return f"{rows:,} rows were read. Repeat the command: it goes on after the rows that the log has"
