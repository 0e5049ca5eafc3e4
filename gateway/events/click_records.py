"""Turn an event into the record that goes to `clicks`, judged as the workers will judge it.

The record holds the event as it was sent, so that workers read it in its own form. Only what is missing is
added: `event_id`, and `ts`, the time of arrival.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from gateway.events.event_bodies import RawEvent
from models.contract.aliases import CLICK_FIELD, EventNames
from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import WIRE_FIELDS, Click, Limits, Rejected
from models.contract.normalise import Reading, read
from models.contract.times import zone_named
from models.contract.wire_formats import BareRecord
from models.forms.form import Raw
from models.forms.templates import may_contain_template

#: Longer names are quoted only so far.
_NAME_CHARS = 60
_encode = msgspec.json.Encoder().encode
_strict = msgspec.json.Decoder(Click).decode


class ClickRecord(NamedTuple):
    """A record of `clicks`, keyed as `pathcast replay` keys it, and its event time (epoch ms)."""

    event_id: str
    key: bytes
    value: bytes
    ts: int


class RefusedEvent(NamedTuple):
    """An event that does not fit, where it stands, and why."""

    at: str
    field: str
    message: str


class ClickReader:
    """Reads events with the workers' limits and names; `strangers`: unknown fields are ignored."""

    def __init__(
        self,
        limits: Limits,
        events: EventNames,
        strangers: bool = False,
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._events, self._strangers, self._new_id = events, strangers, new_id
        self._decoder = Decoder(limits, Catalogue(), events)
        self._zone = zone_named(limits.time_zone)

    def record(self, event: RawEvent, now: int) -> ClickRecord | RefusedEvent:
        """The record of an event that arrives `now` (epoch ms), or why there is none."""
        # Most events are of the own form and lack nothing, or only an id and a time.
        raw: Raw = {**self._given(event.raw, now), **event.raw}
        value = _encode(raw)
        click: Click | Rejected
        try:
            click = _strict(value)
            unknown = ""
        except (ValueError, RecursionError):
            raw, reading = self._completed(event.raw, now)
            value, click, unknown = _encode(raw), reading.click, self._unknown(raw, reading)
        if not isinstance(click, Rejected):
            key = click.visitor_id.encode()
            found = ClickRecord(click.event_id, key, value, click.ts)
            if unknown:
                return _stranger(event.at, unknown)
            # Once more, as a worker sees it: size and clock.
            click = self._decoder.decode([BareRecord(key, value, now, ())])[0]
            if not isinstance(click, Rejected):
                return found
        return RefusedEvent(event.at, click.field, click.message)

    def _given(self, raw: Raw, now: int) -> Raw:
        """What an event of the own form lacks."""
        given: dict[str, Any] = {} if "event_id" in raw else {"event_id": self._new_id()}
        return given if "ts" in raw else given | {"ts": now}

    def _completed(self, raw: Raw, now: int) -> tuple[Raw, Reading]:
        """The event with an id and a time, and what it says."""
        reading = self._read(raw)
        for field, given in (("event_id", self._new_id()), ("ts", now)):
            if _lacks(reading.click, field):
                # The contract's own names at the top count in every form.
                raw = {**raw, field: given}
                reading = self._read(raw)
        return raw, reading

    def _read(self, raw: Raw) -> Reading:
        clean = not may_contain_template(_encode(raw))
        return read(dict(raw), self._events, clean=clean, zone=self._zone)

    def _unknown(self, raw: Raw, reading: Reading) -> str:
        """A field at the top of an event of the own form that means nothing; empty for none."""
        if self._strangers or reading.form != "own":
            return ""
        used = {place.partition(".")[0] for place in reading.sources.values()}
        return next((name for name in raw if name not in used and CLICK_FIELD(name) is None), "")


def _lacks(click: Click | Rejected, field: str) -> bool:
    if not isinstance(click, Rejected) or click.field != field:
        return False
    return click.message.startswith(f"{field} is missing")


def _stranger(at: str, name: str) -> RefusedEvent:
    expected = f"expected fields of the contract: {', '.join(WIRE_FIELDS)}"
    shown = name[:_NAME_CHARS]
    told = f"{shown!r} is no known field, {expected}; PATHCAST_GATEWAY_UNKNOWN_FIELDS=ignore takes any"
    return RefusedEvent(at, shown, told)


def refusals(found: Sequence[ClickRecord | RefusedEvent]) -> list[dict[str, Any]]:
    """The refused ones, as details of a problem."""
    return [one._asdict() for one in found if isinstance(one, RefusedEvent)]
