"""Options that say how the files of a log are written; what is not said is detected."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import click

from trainer.tables.dialect import SAID, Dialect

_DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "bar": "|", "space": " "}


def _delimiter(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    found = _DELIMITERS.get(given.lower(), given) if given else None
    if found is not None and len(found) != 1:
        raise click.BadParameter(f"{given!r} is no single character, such as ';' or tab")
    return found


def _escape(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    found = "\\" if given == "backslash" else given
    if found is not None and (len(found) != 1 or found == '"' or found.isalnum()):
        raise click.BadParameter(f"{given!r} is no escape character, such as backslash")
    return found


def _encoding(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    try:
        return codecs.lookup(given).name if given else None
    except LookupError as error:
        raise click.BadParameter(f"{given!r} is no encoding, such as utf-8, cp1252 or utf-16") from error


def _columns(_ctx: click.Context, _param: click.Parameter, given: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in given.split(",")) if given else ()


def _time_format(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    if given is not None and "%" not in given:
        raise click.BadParameter(f"{given!r} is no strptime format, such as '%d/%m/%Y %H:%M'")
    return given


_OPTIONS = (
    click.option(
        "--delimiter", callback=_delimiter, help="Character between fields: ';', tab, ...  [detected]."
    ),
    click.option(
        "--escape",
        metavar="CHAR",
        callback=_escape,
        help="Character that escapes the next one, such as backslash in dumps of MySQL and PostgreSQL.",
    ),
    click.option("--encoding", callback=_encoding, help="Encoding of text, such as cp1250  [detected]."),
    click.option(
        "--columns",
        metavar="NAME,NAME,...",
        callback=_columns,
        help="Names of the columns of files without a header, by position; empty for one to leave out.",
    ),
    click.option(
        "--event", metavar="NAME", help="Every row is one such event: for logs without that column."
    ),
    click.option("--decimal", type=click.Choice([".", ","]), help="Decimal mark of amounts  [detected]."),
    click.option(
        "--time-format",
        metavar="STRPTIME",
        callback=_time_format,
        help="How times are written, such as '%d/%m/%Y %H:%M'  [ISO 8601 and epoch numbers].",
    ),
)


def dialect_options(event: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options, handed to the command as the Dialect `dialect`; without `event` all but `--event`."""

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def with_dialect(**given: Any) -> Any:
            names = [name for name in SAID if name != "event" or event]
            return command(dialect=dialect({name: given.pop(name) for name in names}), **given)

        made: Callable[..., Any] = with_dialect
        for name, option in reversed(list(zip(SAID, _OPTIONS, strict=True))):
            made = option(made) if name != "event" or event else made
        return made

    return decorated


def dialect(given: Mapping[str, Any]) -> Dialect:
    """The options that were given, what the file of `--map @FILE` says, and the setting of the time zone.

    Raises ZoneError.
    """
    from deploy.terminal.map_option import said_of_files
    from models.contract.times import zone_named
    from streams.config.worker_settings import WorkerSettings

    said = {**said_of_files(), **{name: value for name, value in given.items() if value}}
    return Dialect(**said, zone=zone_named(WorkerSettings().time_zone))
