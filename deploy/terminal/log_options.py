"""Options of commands that read logs of events; checked before heavy libraries are imported."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from deploy.terminal.dialect_options import dialect_options
from deploy.terminal.event_map_option import event_map_option
from deploy.terminal.map_option import mapping_option, with_map_file
from models.contract.aliases import EventNames, event_name
from models.contract.events import EVENTS
from models.contract.values import Unreadable
from trainer.tables.dialect import Dialect

if TYPE_CHECKING:
    import polars as pl

    from models.contract.catalogue import Catalogue
    from trainer.eventlog.log import EventLog
    from trainer.examples.examples import Examples

#: An existing file.
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
#: An existing folder.
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


class LogPlace(NamedTuple):
    """The folder or URL of an event log."""

    url: str


class Events(click.ParamType):
    """An existing file, or the folder or URL of an event log, which is read when the command runs."""

    name = "FILE|LOG"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | LogPlace:
        """The file, or the event log's place. Fails if neither exists."""
        if isinstance(value, Path | LogPlace):
            return value
        if "://" in value or Path(value).is_dir():
            return LogPlace(value)
        return Path(str(FILE.convert(value, param, ctx)))


class ShopLog:
    """The log of a shop as options name it; it is checked when it is first used, which is said on stderr.

    `items` is the file of its catalogue, `names` reads event names (it may be set before the first use), and
    `dialect` is how files are written. Without `names_matter` event names may be unknown.
    Everything raises LogError.
    """

    def __init__(
        self,
        files: tuple[Path, ...],
        items: Path | None,
        given: Mapping[str, str],
        names: EventNames,
        dialect: Dialect,
        names_matter: bool = True,
    ) -> None:
        self._names_matter = names_matter
        self.items, self.names, self.dialect = items, names, dialect
        self._files, self._given = files, given

    @cached_property
    def events(self) -> tuple[Path, ...]:
        """The files of events in order."""
        from trainer.logs.log_checks import check_log
        from trainer.logs.log_files import bare_items
        from trainer.settings import TrainerSettings

        check = check_log(self._files, self.mapping, self.names, self.dialect)
        check.refuse(TrainerSettings().unusable_share, self._names_matter)
        bare = bare_items(self.items, self.items_mapping, self.dialect) if self.items else []
        for note in [*check.notes(), *bare]:
            click.echo(f"note: {note}", err=True)
        return self._files

    @property
    def mapping(self) -> dict[str, str]:
        """Field -> column of the events."""
        return self._mappings[0]

    @property
    def items_mapping(self) -> dict[str, str]:
        """Field -> column of the catalogue."""
        return self._mappings[1]

    @cached_property
    def _mappings(self) -> tuple[dict[str, str], dict[str, str]]:
        from trainer.logs.log_mappings import mappings

        return mappings(self._files, self.items, self._given, self.dialect)

    def frame(self) -> pl.LazyFrame:
        """The events, as `read_log` gives them."""
        from trainer.logs.log_files import read_log

        return read_log(self.events, self.mapping, self.names, self.dialect)

    def catalogue(self) -> Catalogue:
        """The items; none without a file."""
        from trainer.logs.catalogue_file import catalogue

        return catalogue(self.items, self.items_mapping, self.dialect)

    def examples(self) -> Examples:
        """Each event with the features of its time. Raises also ExamplesError."""
        from trainer.logs.log_replay import replay_log
        from trainer.logs.reading import reading

        with reading(self.events):
            return replay_log(self.frame(), self.catalogue()).examples()


@contextmanager
def as_files(given: Sequence[Path | LogPlace]) -> Iterator[tuple[Path, ...]]:
    """The files that hold the events; the clicks of an event log are in a file while the context lasts.

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
    made, log = folder / "events.parquet", EventLog.at(one.url)
    _check_is_log(one.url, log)
    slices.write(log, made)
    return made


def _check_is_log(url: str, log: EventLog) -> None:
    """A folder of files is often named in place of these. Raises EventLogError."""
    from trainer.eventlog.place import EventLogError

    files = sorted(path.name for path in Path(url).glob("*") if path.is_file())
    if files and not log.manifests():
        listed = ", ".join(files[:5]) + (", ..." if len(files) > 5 else "")
        raise EventLogError(
            f"{url} is a folder of files ({listed}) and no event log: name the files themselves"
        )


events_option = click.option(
    "--events",
    multiple=True,
    required=True,
    type=Events(),
    help="File of a log, or folder or URL of an event log; repeat it to join several.",
)


def shop_log(
    files: tuple[Path, ...],
    items: Path | None,
    mapping: Mapping[str, str],
    names: EventNames,
    dialect: Dialect,
    names_matter: bool = True,
) -> ShopLog:
    """The log of options, with headers that have what is needed. Raises LogError."""
    from trainer.logs.log_columns import check_columns

    names = with_map_file(names)
    if dialect.event is not None:
        dialect = replace(dialect, event=_event(names, dialect.event))
    if items is None:
        check_columns(files, mapping, dialect)
    return ShopLog(files, items, mapping, names, dialect, names_matter)


def _event(names: EventNames, said: str) -> str:
    try:
        return names(said)
    except Unreadable as error:
        raise click.BadParameter(f"--event {said} is no event, choose from {', '.join(EVENTS)}") from error


def log_options(
    items: str = "Catalogue: fills in category, brand and price of events.",
    required: bool = False,
    event_map: bool = True,
    every_row: bool = True,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--events`, `--items`, `--map`, `--event-map`, how files are written: handed on as the ShopLog `log`.

    `items` is the help of `--items`; `required`: the command needs a catalogue. Without `event_map` event
    names are read as the contract has them; without `every_row` there is no `--event`. Columns that are
    missing, and rows that cannot be used, are reported before the command runs.
    Raises LogError or EventLogError.
    """

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def with_log(
            events: Sequence[Path | LogPlace],
            items: Path | None,
            mapping: dict[str, str],
            dialect: Dialect,
            names: EventNames = event_name,
            **others: Any,
        ) -> Any:
            with as_files(events) as files:
                return command(log=shop_log(files, items, mapping, names, dialect), **others)

        items_option = click.option("--items", type=FILE, required=required, help=items)
        options = [events_option, items_option, mapping_option, *([event_map_option] if event_map else [])]
        made: Callable[..., Any] = dialect_options(every_row)(with_log)
        for option in reversed(options):
            made = option(made)
        return made

    return decorated
