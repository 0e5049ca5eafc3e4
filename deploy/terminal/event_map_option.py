"""`--event-map`: the contract's events for the event names of a log or a producer."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.contract import aliases
from models.contract.aliases import EVENT_MAP, EventMapError, EventNames, event_name
from models.forms.table import named

if TYPE_CHECKING:
    from streams.config.worker_settings import WorkerSettings


def read(path: Path, whole: bool = True) -> EventNames:
    """The map of a TOML file; `whole`: the file holds nothing else. Raises EventMapError."""
    try:
        text = path.expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise EventMapError(f"event map {path} cannot be read ({error}); name a TOML file") from error
    return aliases.parse(text, f"event map {path}", whole)


def of_worker(worker: "WorkerSettings") -> EventNames:
    """The event names of the workers, and the form that their events have. Raises EventMapError."""
    mapping, form = read(worker.event_map).mapping if worker.event_map else {}, named(worker.input_form)
    return EventNames(mapping, form) if mapping or form else event_name


def _names(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> EventNames:
    """The map of files and NAME=EVENT pairs; later ones replace earlier ones."""
    mapping: dict[str, str] = {}
    for one in given:
        name, equals, event = one.partition("=")
        if equals and not Path(one).is_file():
            mapping[name.strip()] = event.strip()
        else:
            mapping |= read(Path(one)).mapping
    return EventNames(mapping) if mapping else event_name


def names_in(config: Path | None, names: EventNames) -> EventNames:
    """The given names; without any, those in the file of settings. Raises EventMapError."""
    return read(config, whole=False) if config and not names.mapping else names


def names_for(metrics: Mapping[str, Any], names: EventNames) -> EventNames:
    """The given names; without any, those that the version was trained with."""
    return names if names.mapping else EventNames(metrics.get("log", {}).get(EVENT_MAP))


event_map_option = click.option(
    "--event-map",
    "names",
    multiple=True,
    metavar="FILE|NAME=EVENT",
    callback=_names,
    help="Event of the contract for an event name of the log: one pair, or a TOML file; repeat for more.",
)
