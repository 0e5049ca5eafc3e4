"""Producers' other names of events and fields, as the decoder reads them."""

import tomllib
from collections.abc import Mapping
from typing import Any

from models.contract.events import EVENT_CODES, EVENTS, WIRE_FIELDS
from models.contract.values import NUMBER_CHARS, Unreadable
from models.errors import PathcastError
from models.forms.event_names import OTHER_EVENT_NAMES
from models.forms.form import Form
from models.forms.gathering import CONTAINERS
from models.forms.names import collapse, collapsed, finder

#: The field of a click, the container, or `status` (of an order), from any spelling of its name.
CLICK_FIELD = finder((*WIRE_FIELDS, *CONTAINERS, "status"))
_CONTRACT: Mapping[str, str] = collapsed(EVENT_CODES)
_EVENT_NAMES: Mapping[str, str] = {**OTHER_EVENT_NAMES, **_CONTRACT}

#: Names of an event that closes or refuses what a promotion showed: it has an outcome, and is no step of the
#: visitor's path that models would have to learn.
DISMISSED = frozenset(map(collapse, ("dismiss_promotion", "close_promotion", "promotion_dismissed")))

#: The table of a file that maps event names beside other settings.
EVENT_MAP = "event_map"


class EventMapError(PathcastError):
    """A map of event names cannot be used."""


class EventNames:
    """One of EVENTS, from any spelling of it, from a known other name, or from a name of `mapping`.

    `mapping` (other name -> name of EVENTS) goes before the known other names, so that a log of another
    domain says what its events mean. `form` is the form that events have; None: each has the form that its
    shape tells. Raises EventMapError.
    """

    def __init__(self, mapping: Mapping[str, str] | None = None, form: Form | None = None) -> None:
        self.form = form
        self.mapping = dict(mapping or {})
        for name, event in self.mapping.items():
            _check(name, event)
        self._known = {**_EVENT_NAMES, **{collapse(name): event for name, event in self.mapping.items()}}

    def __call__(self, value: Any) -> str:
        """The event's name. Raises Unreadable."""
        if not isinstance(value, str) or len(value) > NUMBER_CHARS:
            raise Unreadable
        found = self._known.get(collapse(value))
        if found is None:
            raise Unreadable
        return found


def _check(name: str, event: str) -> None:
    if event not in EVENT_CODES:
        raise EventMapError(
            f"event map, {name} = {event!r}: no event of the contract; choose from {', '.join(EVENTS)}"
        )
    own = _CONTRACT.get(collapse(name), event)
    if own != event:
        raise EventMapError(
            f"event map, {name} = {event!r}: {own} is the contract's own name and means itself; "
            "leave it out, or send the event by another name"
        )


def parse(text: str, where: str, whole: bool = True) -> EventNames:
    """The map of a TOML text: its table `[event_map]`, else all of it if `whole`, else an empty one.

    Raises EventMapError, naming `where`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EventMapError(
            f'{where} is no TOML ({error}); expected lines such as lesson_view = "view_item"'
        ) from error
    table = document.get(EVENT_MAP, document if whole else {})
    if not isinstance(table, dict) or not all(isinstance(event, str) for event in table.values()):
        raise EventMapError(
            f'{where} holds {table!r}; expected NAME = "EVENT" lines, or a table [{EVENT_MAP}] of them'
        )
    return EventNames(table)


event_name = EventNames()


def with_dismissal(found: dict[str, Any]) -> dict[str, Any]:
    """An event that closes what was shown, as the event that saw it with its outcome."""
    name = found.get("event")
    if isinstance(name, str) and collapse(name) in DISMISSED:
        return {**found, "event": "view_promotion", "outcome": "dismissed"}
    return found
