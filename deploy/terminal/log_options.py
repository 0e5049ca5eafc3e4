"""Options of commands that read logs of events, checked before anything heavy is imported."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import click

from models.contract.events import REQUIRED_FIELDS

#: A header is read up to so many characters.
_HEADER = 65_536
#: A file that has to be there.
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
#: A folder that has to be there.
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


class LogPlace(NamedTuple):
    """The folder or URL of an event log."""

    url: str


class Events(click.ParamType):
    """A file that is there, or the place of an event log, whose clicks are read when the command runs."""

    name = "FILE|LOG"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | LogPlace:
        """The file, or the event log's place. Fails where there is neither."""
        if isinstance(value, Path | LogPlace):
            return value
        if "://" in value or Path(value).is_dir():
            return LogPlace(value)
        return Path(str(FILE.convert(value, param, ctx)))


@contextmanager
def as_files(given: Sequence[Path | LogPlace]) -> Iterator[tuple[Path, ...]]:
    """The files that hold the events; an event log's clicks are in one while the context lasts.

    Raises EventLogError.
    """
    with tempfile.TemporaryDirectory(prefix="pathcast-events-") as folder:
        yield tuple(_file(one, Path(folder) / str(number)) for number, one in enumerate(given))


def _file(one: Path | LogPlace, folder: Path) -> Path:
    if isinstance(one, Path):
        return one
    from trainer.eventlog import slices
    from trainer.eventlog.log import EventLog

    folder.mkdir()
    made = folder / "events.parquet"
    slices.write(EventLog.at(one.url), made)
    return made


def _in_own_columns(file: Path) -> bool:
    """Whether a CSV file's header has the contract's names of what every event needs."""
    if file.suffix != ".csv":
        return False
    with file.open(errors="replace") as lines:
        header = lines.readline(_HEADER).strip().split(",")
    return set(REQUIRED_FIELDS) <= set(header)


def events_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--events` of commands that learn from logs or judge on them: they are handed files.

    Where a file has not the columns that `--map` names, or that are needed, that is said before anything
    heavy is imported or read. Raises LogError.
    """

    @wraps(command)
    def with_files(events: Sequence[Path | LogPlace], **others: Any) -> Any:
        with as_files(events) as files:
            if "mapping" in others and (others["mapping"] or not all(map(_in_own_columns, files))):
                from trainer.logs.log_files import check_columns

                check_columns(files, others["mapping"])
            return command(events=files, **others)

    made: Callable[..., Any] = click.option(
        "--events",
        multiple=True,
        required=True,
        type=Events(),
        help="A log's file, or an event log's folder or URL; give several as one.",
    )(with_files)
    return made


def pairs(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """FIELD=COLUMN pairs as a mapping."""
    wrong = [pair for pair in given if "=" not in pair]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is no FIELD=COLUMN, such as ts=ts_ms")
    return dict(pair.split("=", 1) for pair in given)


mapping_option = click.option(
    "--map", "mapping", multiple=True, callback=pairs, help="FIELD=COLUMN, where names differ."
)
