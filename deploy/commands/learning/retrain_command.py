"""`pathcast retrain`."""

import click


@click.command()
@click.option(
    "--reason", default="asked for on the command line", show_default=True, help="Kept with the run."
)
def command(reason: str) -> None:
    """Ask `pathcast trainer` for a run; one that is under way is finished first.

    The request lies beside the event log (PATHCAST_TRAINER_LOG), also while no trainer runs.
    """
    from deploy.cluster.records import now_ms
    from deploy.runs.event_log import opened
    from trainer.service.requests import Request, ask

    name = ask(opened(), Request("operator", reason, now_ms()))
    click.echo(f"asked for, as {name}")
