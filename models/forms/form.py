"""A form of events: where a system that shops use writes the fields of the contract."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from models.forms.event_paths import Path, paths

Raw = Mapping[str, Any]


def places(**fields: str) -> dict[str, tuple[Path, ...]]:
    """Fields with their places, best first, as `ts="timestamp sentAt"`."""
    return {name: paths(*found.split()) for name, found in fields.items()}


def has(*names: str) -> Callable[[Raw], bool]:
    """Whether an event has all these names at its top."""
    return lambda raw: all(name in raw for name in names)


def unchanged(raw: Raw) -> Raw:
    """The event as it is."""
    return raw


@dataclass(frozen=True, slots=True)
class Form:
    """One form of events.

    `recognised` tells its events by their shape. `places` are the fields' places, best first; all of those
    of `event` are tried. `lines` are the places of an event's items, `line` the places of fields in an item
    (instead of the common names), `positions` the fields of an item that is an array. `containers` are the
    objects whose fields count by the contract's own and other names; an `open` form counts those of the
    whole event. `reserved` are names at the top that mean something else here. `prepare` brings odd shapes
    into plain ones. `batch` holds several events in one body, whose fields are `merged` with those around
    them. `utc`: times without a zone are UTC. `unused` are the parts that nothing is read from.
    """

    name: str
    title: str
    recognised: Callable[[Raw], bool]
    places: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    containers: tuple[Path, ...] = ()
    lines: tuple[Path, ...] = ()
    line: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    positions: tuple[str, ...] = ()
    reserved: frozenset[str] = frozenset()
    prepare: Callable[[Raw], Raw] = unchanged
    batch: str = ""
    merged: bool = False
    open: bool = False
    utc: bool = False
    unused: tuple[str, ...] = ()

    def events_in(self, raw: Raw) -> list[Raw]:
        """The events of a body, each with what stands around it; the body itself where it is one event."""
        entries = raw.get(self.batch) if self.batch else None
        if not isinstance(entries, list):
            return [raw]
        if not self.merged:
            return [{**raw, self.batch: [entry]} for entry in entries]
        around = {name: value for name, value in raw.items() if name != self.batch}
        return [{**around, **entry} for entry in entries if isinstance(entry, dict)]
