"""`pathcast models gate`: a candidate before the gate."""

from pathlib import Path

import click

from deploy.commands.learning.registry_option import registry_option
from deploy.terminal.event_map_option import event_map_option
from deploy.terminal.log_options import FILE, events_option, mapping_option
from models.contract.aliases import EventNames
from trainer.promotion.named import anywhere


@click.command()
@click.argument("version")
@registry_option
@events_option
@click.option("--items", type=FILE, help="Catalogue: fills category, brand and price of events.")
@mapping_option
@event_map_option
@click.option("--promote/--no-promote", default=True, help="Enter and announce it, or only report.")
@click.option(
    "--announce/--no-announce", "told", default=True, help="Tell the workers, or only enter it in the ledger."
)
def gate(
    version: str,
    registry: Path,
    events: tuple[Path, ...],
    items: Path | None,
    mapping: dict[str, str],
    names: EventNames,
    promote: bool,
    told: bool,
) -> None:
    """Judge VERSION on the newest clicks of a log, beside the version that serves and the baselines.

    This is the gate: what a version has to pass before it serves.
    Only sessions count that began after all that both have seen: train with --holdout. It is promoted or
    refused; the report is kept in its folder. With PATHCAST_GATE_SHADOW_EVENTS workers compare it
    first, unless they are told nothing.
    """
    path = anywhere(registry, version)
    from deploy.runs.progress_bar import use_cores
    from deploy.runs.promotion_moves import promotions
    from deploy.runs.shadow_trial import trial
    from trainer.gate.admission import admit
    from trainer.gate.gate import judge, serving
    from trainer.gate.gate_report import FOLDER, keep
    from trainer.gate.gate_settings import GateSettings
    from trainer.logs.catalogue_file import catalogue
    from trainer.logs.log_files import read_log
    from trainer.logs.log_replay import walk
    from trainer.logs.reading import reading

    use_cores()
    settings = GateSettings()
    moves = promotions(registry, told, by="gate")
    with reading(events):
        examples = walk(read_log(events, mapping, names), catalogue(items)).examples()
    if promote:
        live = trial(settings, lambda news: click.echo(news, err=True)) if told else None
        report = admit(path.name, examples, settings, moves, live)
    else:
        report = judge(path, serving(moves, path.name), examples, settings)
        keep(path, report.figures, report.pictures)
    click.echo(f"{path.name} {'passed' if report.verdict.passed else 'refused'}: {report.verdict.reason}")
    click.echo(f"report: {path / FOLDER / 'report.md'}", err=True)
