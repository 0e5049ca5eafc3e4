"""`pathcast tune`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.terminal.event_map_option import event_map_option, names_in
from deploy.terminal.log_options import FILE, mapping_option
from models.contract.aliases import EventNames
from trainer.loop.options import Options, changed, read

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


@click.command()
@click.option("--events", multiple=True, required=True, type=FILE, help="A log; give several as one.")
@click.option("--items", type=FILE, help="Catalogue: fills category, brand and price of events.")
@mapping_option
@event_map_option
@click.option(
    "--trials",
    type=click.IntRange(1),
    default=40,
    show_default=True,
    help="In all, those of earlier runs included.",
)
@click.option("--time-budget", default=60.0, show_default=True, help="Minutes for this run.")
@click.option("--storage", default="sqlite:///tune.db", show_default=True, help="Where the study is kept.")
@click.option("--study", default="pathcast", show_default=True, help="Its name there.")
@click.option("--config", type=FILE, help="TOML file of settings that are not searched, and [event_map].")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="One setting, held as it is.")
@click.option("--seed", default=0, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda", "auto"]), default="auto", show_default=True)
def command(
    events: tuple[Path, ...],
    items: Path | None,
    mapping: dict[str, str],
    names: EventNames,
    trials: int,
    time_budget: float,
    storage: str,
    study: str,
    config: Path | None,
    settings: tuple[str, ...],
    seed: int,
    device: str,
) -> None:
    """Search for training settings on the newest sessions of a log; run it again to go on.

    The best settings are written to standard output, for `pathcast train --config`. Leave out of the log what
    a model is to be judged on.
    """
    given = replace(Options(seed=seed, device=device), seconds=60 * time_budget)
    options = changed(read(config, given) if config else given, settings)
    names = names_in(config, names)
    from deploy.runs.progress_bar import use_cores
    from trainer.experiments.tune import Search, toml, tune
    from trainer.logs.catalogue_file import catalogue
    from trainer.logs.log_files import read_log
    from trainer.logs.log_replay import walk
    from trainer.logs.reading import reading

    use_cores()
    fixed = tuple(setting.partition("=")[0].strip() for setting in settings)
    with reading(events):
        examples = walk(read_log(events, mapping, names), catalogue(items)).examples()
    search = Search(options, trials, 60 * time_budget, storage, study, fixed)
    click.echo(toml(tune(examples, search, _told), tuple(search.space)), nl=False)


def _told(trial: FrozenTrial) -> None:
    value = f"{trial.value:.4f}" if trial.value is not None else "-"
    params = ", ".join(f"{name} {_short(found)}" for name, found in trial.params.items())
    click.echo(f"trial {trial.number}: {trial.state.name.lower()} {value} ({params})", err=True)


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
