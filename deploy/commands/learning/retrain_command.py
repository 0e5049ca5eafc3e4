"""`pathcast retrain`."""

import click


@click.command()
@click.option(
    "--reason", default="asked for on the command line", show_default=True, help="Recorded with the run."
)
def command(reason: str) -> None:
    """Ask `pathcast trainer` for a training run; a current run is finished first.

    The request is stored in the event log's folder (PATHCAST_TRAINER_LOG), so no trainer need run now.
    """
    from deploy.cluster.records import now_ms
    from deploy.runs.event_log import opened
    from trainer.service.requests import Request, ask

    name = ask(opened(), Request("operator", reason, now_ms()))
    click.echo(f"requested as {name}")
