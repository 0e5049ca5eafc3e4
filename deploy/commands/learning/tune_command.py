"""`pathcast tune`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.terminal.event_map_option import names_in
from deploy.terminal.log_options import ShopLog, log_options
from deploy.terminal.training_options import config_option, device_option, set_option
from trainer.loop.options import Options, changed, read

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


@click.command()
@log_options()
@click.option(
    "--trials",
    type=click.IntRange(1),
    default=40,
    show_default=True,
    help="Trials in all, including those of earlier runs.",
)
@click.option("--time-budget", default=60.0, show_default=True, help="Most minutes for this run.")
@click.option(
    "--storage",
    default="sqlite:///tune.db",
    show_default=True,
    help="URL of the database that keeps the study.",
)
@click.option("--study", default="pathcast", show_default=True, help="Name of the study in the database.")
@config_option
@set_option
@click.option("--seed", default=0, show_default=True, help="Seed of the search and of the trainings.")
@device_option
def command(
    log: ShopLog,
    trials: int,
    time_budget: float,
    storage: str,
    study: str,
    config: Path | None,
    settings: tuple[str, ...],
    seed: int,
    device: str,
) -> None:
    """Search for training settings that are best on the newest sessions of a log; repeat it to continue.

    Settings given with --set are fixed; --config changes the others' first values and may hold an
    [event_map]. The best settings are written to standard output, for `pathcast train --config`. The log must
    not contain the clicks that a model will be evaluated on.
    """
    given = replace(Options(seed=seed, device=device), seconds=60 * time_budget)
    options = changed(read(config, given) if config else given, settings)
    log.names = names_in(config, log.names)
    from deploy.runs.progress_bar import use_cores, working
    from trainer.experiments.tune import Search, toml, tune

    use_cores()
    fixed = tuple(setting.partition("=")[0].strip() for setting in settings)
    with working("reading the log") as say:
        examples = log.examples()
        search = Search(options, trials, 60 * time_budget, storage, study, fixed)
        say("training the trials")
        best = tune(examples, search, _print_trial)
    click.echo(toml(best, tuple(search.space)), nl=False)


def _print_trial(trial: FrozenTrial) -> None:
    value = f"{trial.value:.4f}" if trial.value is not None else "-"
    params = ", ".join(f"{name} {_short(found)}" for name, found in trial.params.items())
    click.echo(f"trial {trial.number}: {trial.state.name.lower()} {value} ({params})", err=True)


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
