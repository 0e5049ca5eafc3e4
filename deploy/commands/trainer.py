"""`pathcast trainer`, and `pathcast trainer run | drift | adapt`."""

import signal
import sys
from collections.abc import Callable
from typing import Any

import click

from deploy.event_log import ingest, opened
from deploy.logs import now_ms
from deploy.processes import command as program
from streams import logs
from streams.settings import WorkerSettings
from trainer.service.child import started
from trainer.service.orders import Workdir
from trainer.service.process import BUSY, Child, Trainer
from trainer.service.schedule import Schedule
from trainer.settings import TrainerSettings


@click.group(invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Write the event log, and train, judge and promote a model whenever it is due, until SIGTERM or Ctrl-C.

    Settings are PATHCAST_TRAINER_*, PATHCAST_* and KAFKA_* variables: see docs/settings.md.
    """
    worker = WorkerSettings()
    logs.configure(worker.log_level, worker.log_format)
    if ctx.invoked_subcommand is None:
        _run(TrainerSettings())


def _run(settings: TrainerSettings) -> None:
    signal.signal(signal.SIGTERM, _end)

    def launch(what: str) -> Callable[[], Child]:
        return lambda: started(program("trainer", what), settings.nice)

    trainer = Trainer(
        opened(settings),
        ingest(settings),
        Workdir(settings.workdir.expanduser()),
        Schedule(
            settings.every_minutes, settings.every_clicks, settings.drift_minutes, settings.adapt_minutes
        ),
        settings.keep_days,
        launch("run"),
        now_ms,
        launch("drift"),
        launch("adapt"),
    )
    try:
        while True:
            trainer.step()
    except KeyboardInterrupt:
        pass
    finally:
        trainer.close()


def _end(*_: Any) -> None:
    raise KeyboardInterrupt


@command.command("run")
def run() -> None:
    """Make the run that was ordered and is not made yet: `pathcast trainer` starts it."""
    from deploy.progress import use_cores
    from deploy.training import maker

    use_cores()
    made = maker(TrainerSettings())
    with made.at.alone() as alone:
        if not alone:
            sys.exit(BUSY)
        order = made.at.order()
        if order is None:
            click.echo("no run was ordered: pathcast retrain asks for one", err=True)
            return
        done = made.make(order)
    click.echo(f"{done.version or 'no version'}: {done.why}", err=True)


@command.command("drift")
def drift() -> None:
    """Ask for a run where the newest clicks are not those of the version that serves."""
    from deploy.between_runs import look_for_drift
    from deploy.progress import use_cores

    use_cores()
    for alarm in look_for_drift(TrainerSettings()) or ["no alarm"]:
        click.echo(alarm, err=True)


@command.command("adapt")
def adapt() -> None:
    """Take the serving version a small step further, and let the gate decide; not while a run is made."""
    from deploy.between_runs import drop_steps, take_step
    from deploy.progress import use_cores
    from trainer.adapt import Step

    use_cores()
    settings = TrainerSettings()
    with Workdir(settings.workdir.expanduser()).alone() as alone:
        if not alone:
            sys.exit(BUSY)
        click.echo(take_step(settings, Step()), err=True)
        gone = drop_steps(settings)
    if gone:
        click.echo(f"removed old steps: {', '.join(gone)}", err=True)
