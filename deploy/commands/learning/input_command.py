"""`pathcast input check`: what a file or a topic of events holds, before anything is done with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deploy.terminal.dialect_options import dialect_options
from deploy.terminal.event_map_option import event_map_option
from deploy.terminal.help_pages import Group
from deploy.terminal.log_options import FILE, Events, LogPlace
from deploy.terminal.map_option import mapping_option, with_map_file
from deploy.terminal.out_file import OUT
from models.contract.aliases import EventNames
from trainer.tables.dialect import SAID, Dialect

if TYPE_CHECKING:
    from trainer.input_check.findings import Findings


@click.group(cls=Group)
def command() -> None:
    """Check events before they are used: files of a log, or the topic of clicks."""


@command.command()
@click.argument("files", nargs=-1, type=Events(), metavar="[FILE|LOG]...")
@click.option("--topic", metavar="NAME", help="Check the newest records of this topic instead of files.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=10_000,
    show_default=True,
    help="Most records of the topic; files are read whole.",
)
@click.option("--items", type=FILE, help="Catalogue: how many items of the events it knows  [topic items].")
@mapping_option
@event_map_option
@dialect_options()
@click.option("--fix", type=OUT, help="Write the mapping that is used to this TOML file, for --map @FILE.")
@click.option("--json", "as_json", is_flag=True, help="Print all that is found as JSON, for programs.")
def check(
    files: Sequence[Path | LogPlace],
    topic: str | None,
    limit: int,
    items: Path | None,
    mapping: dict[str, str],
    names: EventNames,
    dialect: Dialect,
    fix: Path | None,
    as_json: bool,
) -> None:
    """Say what events hold and whether they will do: what a newcomer runs first.

    It names the form that was recognised, the events, where each field was read from, what is refused with
    its cure, repeats, clocks, visitors and sessions, known items, and whether a model can be trained on it.
    Nothing is changed: of a topic the newest records are read, without a consumer group.

    Exits with 0 if the events can be used, and with 1 if not.
    """
    if bool(files) == bool(topic):
        raise click.UsageError("give files of a log, or --topic: one of both")
    from deploy.runs.input_sources import of_files, of_topic
    from deploy.runs.progress_bar import working

    with working("reading the events"):
        if topic:
            found, written = of_topic(topic, limit, items), dialect
        else:
            found, written = of_files(files, items, mapping, names, dialect)
    if fix:
        _write(fix, found, with_map_file(names), written)
    _tell(found, as_json)


def _write(fix: Path, found: Findings, names: EventNames, dialect: Dialect) -> None:
    from trainer.input_check.mapping_file import mapping_text

    how: dict[str, Any] = {name: getattr(dialect, name) for name in SAID}
    fix.write_text(mapping_text(found, names.mapping, how), encoding="utf-8")
    click.echo(f"{fix} written: check it, then give it as --map @{fix}", err=True)


def _tell(found: Findings, as_json: bool) -> None:
    from deploy.terminal.input_report import lines
    from trainer.input_check import usability
    from trainer.settings import TrainerSettings

    most = TrainerSettings().unusable_share
    objections = usability.objections(found, most)
    if as_json:
        trains = not objections and usability.trains(found.measures)
        said = {"usable": not objections, "trains": trains, "objections": objections}
        click.echo(json.dumps(asdict(found) | said | {"odd": usability.doubts(found)}, indent=1))
    else:
        for line in lines(found, most):
            click.echo(line)
    if objections:
        raise SystemExit(1)
