"""`pathcast models gate`: let the gate judge a candidate."""

from pathlib import Path

import click

from deploy.commands.learning.registry_option import announce_option, registry_option
from deploy.terminal.log_options import ShopLog, log_options
from trainer.promotion.resolve import resolve_folder


@click.command()
@click.argument("version")
@registry_option
@log_options()
@click.option("--promote/--no-promote", default=True, help="Promote a version that passes, or only report.")
@announce_option
def gate(
    version: str,
    registry: Path,
    log: ShopLog,
    promote: bool,
    announce: bool,
) -> None:
    """Judge VERSION on the newest clicks of a log against the serving version and the baselines.

    This is the gate: what a version has to pass before it serves. Only sessions count that began after all
    clicks that both versions learned from, so train with --holdout. VERSION is a name, or
    latest. The version is promoted or refused; its
    folder keeps the report. With PATHCAST_GATE_SHADOW_EVENTS, workers compare it on live clicks first, except
    with --no-announce.
    """
    path = resolve_folder(registry, version)
    from deploy.runs.progress_bar import use_cores, working
    from deploy.runs.promotion_moves import promotions
    from deploy.runs.shadow_trial import trial
    from trainer.gate.admission import admit
    from trainer.gate.gate import judge, serving
    from trainer.gate.gate_report import FOLDER, keep
    from trainer.gate.gate_settings import GateSettings

    use_cores()
    settings = GateSettings()
    moves = promotions(registry, announce, by="gate")
    with working("reading the log"):
        examples = log.examples()
    if promote:
        live = trial(settings, lambda news: click.echo(news, err=True)) if announce else None
        report = admit(path.name, examples, settings, moves, live)
    else:
        report = judge(path, serving(moves, path.name), examples, settings)
        keep(path, report.figures, report.pictures)
    click.echo(f"{path.name} {'passed' if report.verdict.passed else 'refused'}: {report.verdict.reason}")
    click.echo(f"report: {path / FOLDER / 'report.md'}", err=True)
