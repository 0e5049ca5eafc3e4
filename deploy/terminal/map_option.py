"""`--map`: columns by field, one by one, or with all else that is known of a log from a file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from models.contract.aliases import EventNames
from trainer.tables.dialect import SAID

_META = "pathcast.map"
_TABLES = ("columns", "event_map", "file")


def _pairs(ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """FIELD=COLUMN pairs as a mapping; those of a file come first."""
    ctx.meta[_META] = {}
    mapping: dict[str, str] = {}
    for one in given:
        if one.startswith("@"):
            ctx.meta[_META] = found = _read(Path(one[1:]))
            mapping |= found["columns"]
        elif "=" in one:
            field, column = one.split("=", 1)
            mapping[field] = column
        else:
            raise click.BadParameter(f"{one!r} is no FIELD=COLUMN, such as ts=ts_ms, and no @FILE")
    return mapping


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        document = tomllib.loads(path.expanduser().read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.BadParameter(f"{path} cannot be read ({error}): name a TOML file") from error
    found = {name: document.get(name, {}) for name in _TABLES}
    wrong = [*(document.keys() - set(_TABLES)), *(found["file"].keys() - set(SAID))]
    if wrong or not all(isinstance(table, dict) for table in found.values()):
        raise click.BadParameter(
            f"{path} has {', '.join(sorted(wrong)) or 'no tables'}; expected the tables [columns] (field = "
            f'"column"), [event_map] (name = "event") and [file] ({", ".join(sorted(SAID))})'
        )
    return found


def said_of_files() -> Mapping[str, Any]:
    """What the file of `--map @FILE` says of the files, for the present command."""
    said = click.get_current_context().meta.get(_META, {}).get("file", {})
    return {**said, "columns": tuple(said["columns"])} if "columns" in said else said


def with_map_file(names: EventNames) -> EventNames:
    """Event names with those of the file of `--map @FILE`. Raises EventMapError."""
    said = click.get_current_context().meta.get(_META, {}).get("event_map", {})
    return EventNames({**said, **names.mapping}, names.form) if said else names


mapping_option = click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="FIELD=COLUMN|@FILE",
    callback=_pairs,
    is_eager=True,
    help="The column that holds a field, where names differ, or a TOML file of all that is to know; "
    "items.FIELD=COLUMN is for the catalogue alone; repeat for more.",
)
