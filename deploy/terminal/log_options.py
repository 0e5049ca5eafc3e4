"""Options of commands that read logs of events; checked before heavy libraries are imported."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from deploy.terminal.event_map_option import event_map_option
from models.contract.aliases import EventNames, event_name

if TYPE_CHECKING:
    import polars as pl

    from models.contract.catalogue import Catalogue
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


class ShopLog(NamedTuple):
    """The log of a shop as options name it.

    `events` are its files in order, `items` is the file of its catalogue. `mapping` is field -> column, and
    `names` reads event names.
    """

    events: tuple[Path, ...]
    items: Path | None
    mapping: dict[str, str]
    names: EventNames

    def frame(self) -> pl.LazyFrame:
        """The events, as `read_log` gives them. Raises LogError."""
        from trainer.logs.log_files import read_log

        return read_log(self.events, self.mapping, self.names)

    def catalogue(self) -> Catalogue:
        """The items; none without a file. Raises LogError."""
        from trainer.logs.catalogue_file import catalogue

        return catalogue(self.items)

    def examples(self) -> Examples:
        """Each event with the features of its time. Raises LogError or ExamplesError."""
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
    made = folder / "events.parquet"
    slices.write(EventLog.at(one.url), made)
    return made


def pairs(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """FIELD=COLUMN pairs as a mapping."""
    wrong = [pair for pair in given if "=" not in pair]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is no FIELD=COLUMN, such as ts=ts_ms")
    return dict(pair.split("=", 1) for pair in given)


events_option = click.option(
    "--events",
    multiple=True,
    required=True,
    type=Events(),
    help="File of a log, or folder or URL of an event log; repeat it to join several.",
)
mapping_option = click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="FIELD=COLUMN",
    callback=pairs,
    help="The column that holds a field, where names differ; repeat for more.",
)


def log_options(
    items: str = "Catalogue: fills in category, brand and price of events.",
    required: bool = False,
    event_map: bool = True,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--events`, `--items`, `--map` and `--event-map`, handed to the command as the ShopLog `log`.

    `items` is the help of `--items`; `required`: the command needs a catalogue. Without `event_map` event
    names are read as the contract has them. Columns that are missing are reported before the command runs.
    Raises LogError or EventLogError.
    """

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def with_log(
            events: Sequence[Path | LogPlace],
            items: Path | None,
            mapping: dict[str, str],
            names: EventNames = event_name,
            **others: Any,
        ) -> Any:
            from trainer.logs.log_columns import check_columns

            with as_files(events) as files:
                check_columns(files, mapping)
                return command(log=ShopLog(files, items, mapping, names), **others)

        items_option = click.option("--items", type=FILE, required=required, help=items)
        options = [events_option, items_option, mapping_option, *([event_map_option] if event_map else [])]
        made: Callable[..., Any] = with_log
        for option in reversed(options):
            made = option(made)
        return made

    return decorated
