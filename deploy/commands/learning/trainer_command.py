"""`pathcast trainer`, and `pathcast trainer run | policies | drift | adapt | calibrate | check`."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from deploy.terminal.help_pages import Group
from deploy.terminal.processes import command as program
from trainer.loop.options import Options, read

if TYPE_CHECKING:
    from trainer.service.trainer_process import Trainer
    from trainer.settings import TrainerSettings


@click.group(
    cls=Group,
    invoke_without_command=True,
    settings=(
        "KAFKA_BOOTSTRAP_SERVERS",
        "PATHCAST_REGISTRY",
        "PATHCAST_TRAINER_LOG",
        "PATHCAST_TRAINER_WORKDIR",
        "PATHCAST_TRAINER_EVERY_MINUTES",
        "PATHCAST_TRAINER_EVERY_CLICKS",
        "PATHCAST_TRAINER_MEMORY_MB",
        "PATHCAST_TRAINER_HOLDOUT",
        "PATHCAST_TRAINER_CONFIG",
        "PATHCAST_TRAINER_PACER",
        "PATHCAST_GATE_LEAST_VISITORS",
    ),
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Write the event log, and train, judge and promote a model when one is due, until SIGTERM or Ctrl-C.

    The gate judges: it compares a new version with the serving one on clicks that neither has learned from,
    and promotes it only if it is better (docs/trainer/gate.md). Policies are trained beside it from rewards,
    and have a gate of their own (docs/policies/training.md).
    """
    if ctx.invoked_subcommand is None:
        _run(_settings())


def _settings() -> TrainerSettings:
    """The settings; also sets up the log lines as they say."""
    from streams import logging_setup
    from streams.config.worker_settings import WorkerSettings
    from trainer.settings import TrainerSettings

    worker = WorkerSettings()
    logging_setup.configure(worker.log_level, worker.log_format)
    return TrainerSettings()


def _run(settings: TrainerSettings) -> None:
    ending = Event()
    signal.signal(signal.SIGTERM, _end)
    with suppress(KeyboardInterrupt):
        _check()
        trainer = _trainer(settings)
        # A round is short: it is finished first, so that the end of a run is still recorded.
        for number in (signal.SIGTERM, signal.SIGINT):
            # A shell's background job ignores Ctrl-C.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: ending.set())
        with _pacing(settings):
            try:
                while not ending.is_set():
                    trainer.step()
            finally:
                trainer.close()


def _pacing(settings: TrainerSettings) -> AbstractContextManager[None]:
    """What paces budgets beside the trainer, where the settings say so."""
    if not settings.pacer:
        return nullcontext()
    from deploy.pacing.pacer_thread import paced

    return paced()


def _check() -> None:
    """Check the settings of runs in another process: this one must not keep the memory of torch."""
    done = subprocess.run(program("trainer", "check"), capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        unknown = f"pathcast trainer check ended with status {done.returncode}"
        raise click.ClickException(lines[-1].removeprefix("Error: ") if lines else unknown)


def _trainer(settings: TrainerSettings) -> Trainer:
    from deploy.calibration.calibration_following import write_metrics
    from deploy.cluster.records import now_ms
    from deploy.policy_runs.placement_rounds import rounds_of
    from deploy.runs.event_log import ingest, opened
    from trainer.run_processes import ChildProcess, start_process
    from trainer.service.schedule import RunSchedule
    from trainer.service.trainer_process import Trainer
    from trainer.service.workdir import Workdir

    def launch(*what: str) -> Callable[[], ChildProcess]:
        return lambda: start_process(program("trainer", *what), settings.nice)

    events, schedule = (
        opened(settings),
        RunSchedule(
            settings.every_minutes,
            settings.every_clicks,
            settings.drift_minutes,
            settings.adapt_minutes,
            settings.calibration_minutes,
        ),
    )
    return Trainer(
        events,
        ingest(settings),
        Workdir(settings.workdir.expanduser()),
        schedule,
        settings.keep_days,
        launch("run"),
        now_ms,
        launch("drift"),
        launch("adapt"),
        launch("calibrate"),
        lambda: write_metrics(settings, events),
        rounds_of(settings, events, lambda placement: launch("policies", placement)),
    )


def _end(*_: Any) -> None:
    raise KeyboardInterrupt


@command.command("run")
def run() -> None:
    """Make the training run that is due; `pathcast trainer` calls this."""
    from deploy.runs.progress_bar import use_cores
    from deploy.runs.training_run import make
    from trainer.run_processes import BUSY
    from trainer.service.workdir import Workdir

    use_cores()
    settings = _settings()
    at = Workdir(settings.workdir.expanduser())
    with at.alone() as alone:
        if not alone:
            sys.exit(BUSY)
        order = at.order()
        if order is None:
            click.echo("no run is due; pathcast retrain requests one", err=True)
            return
        done = make(settings, at, order)
    click.echo(f"{done.version or 'no version'}: {done.why}", err=True)


@command.command("policies")
@click.argument("placement")
def policies(placement: str) -> None:
    """Make the policy run of PLACEMENT that is due; `pathcast trainer` calls this."""
    from deploy.policy_runs.placement_rounds import workdir
    from deploy.policy_runs.placement_run import run_of
    from deploy.runs.progress_bar import use_cores
    from trainer.run_processes import BUSY

    use_cores()
    settings = _settings()
    at = workdir(settings, placement)
    with at.alone() as alone:
        if not alone:
            sys.exit(BUSY)
        order = at.order()
        if order is None:
            click.echo(f"no policy run of {placement} is due", err=True)
            return
        done = run_of(settings, placement).maker(at).make(order)
    click.echo(f"{done.version or 'no version'}: {done.why}", err=True)


@command.command("check")
def check_command() -> None:
    """Check the settings of runs and the working folder; `pathcast trainer` calls this first."""
    settings = _settings()
    if settings.config is not None:
        read(settings.config.expanduser(), Options())  # reports an error there before torch is loaded
    from deploy.runs.training_run import check

    check(settings)
    click.echo("the settings are valid, and the working folder can be used")


@command.command("drift")
def drift() -> None:
    """Request a run if the newest clicks have drifted from those of the serving version."""
    from deploy.runs.drift_check import look_for_drift
    from deploy.runs.progress_bar import use_cores

    use_cores()
    for alarm in look_for_drift(_settings()) or ["no alarm"]:
        click.echo(alarm, err=True)


@command.command("adapt")
def adapt() -> None:
    """Make one incremental update of the serving version and let the gate judge it; not during a run."""
    from deploy.runs.incremental_updates import drop_steps, take_step
    from deploy.runs.progress_bar import use_cores
    from trainer.run_processes import BUSY
    from trainer.service.workdir import Workdir

    use_cores()
    settings = _settings()
    with Workdir(settings.workdir.expanduser()).alone() as alone:
        if not alone:
            sys.exit(BUSY)
        click.echo(take_step(settings), err=True)
        gone = drop_steps(settings)
    if gone:
        click.echo(f"removed old incremental updates: {', '.join(gone)}", err=True)


@command.command("calibrate")
def calibrate() -> None:
    """Compare published purchase probabilities with what came, and shift them if they are off; not during a
    run.
    """
    from deploy.calibration.calibration_following import follow_calibration
    from trainer.run_processes import BUSY
    from trainer.service.workdir import Workdir

    settings = _settings()
    with Workdir(settings.workdir.expanduser()).alone() as alone:
        if not alone:
            sys.exit(BUSY)
        click.echo(follow_calibration(settings), err=True)
