"""Tolerant decoding, field by field, of events that are not exactly in the contract's form.

The result equals that of the strict decoder for the same event written canonically.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, tzinfo
from typing import Any, NamedTuple, get_args

import msgspec

from models.contract import values as readers
from models.contract.aliases import CLICK_FIELD, EventNames, event_name, with_dismissal
from models.contract.baskets import align, turned, uneven
from models.contract.events import (
    CLIPPED,
    DROPPED,
    ID_CHARS,
    ITEM_EVENTS,
    OPTIONAL_FIELDS,
    SCHEMA_VERSION,
    TS_MAX,
    TS_MIN,
    Click,
    OutcomeName,
    Reason,
    Rejected,
)
from models.contract.times import instant
from models.contract.values import Reader, Unreadable, describe
from models.forms.event_names import is_passive
from models.forms.form import Form
from models.forms.gathering import gather
from models.forms.missing import MISSING
from models.forms.table import recognise
from models.forms.templates import may_contain_template

OPTIONAL_READERS: Mapping[str, Reader] = {
    **{name: readers.text(256) for name in OPTIONAL_FIELDS},
    **dict.fromkeys(("price", "value", "rating"), readers.amount),
    **dict.fromkeys(("user_id", "item_id", "promo_id", "transaction_id"), readers.whole(ID_CHARS)),
    **dict.fromkeys(("decision_id", "recommendation_id"), readers.whole(2 * ID_CHARS)),
    "query": readers.words(512),
    "page": readers.address(1024),
    "quantity": readers.pieces,
    "result_count": readers.results,
    "basket": readers.basket,
    "basket_prices": readers.aligned(readers.amount),
    "basket_quantities": readers.aligned(readers.pieces),
    **dict.fromkeys(("consent", "explain"), readers.truth),
    "outcome": readers.one_of(get_args(OutcomeName)),
}
_EVENT_ADVICE = "see docs/contract/click.schema.json; PATHCAST_EVENT_MAP maps other names"
_PASSIVE_ADVICE = "it says nothing of shopping: leave it out where it is sent, or map it (PATHCAST_EVENT_MAP)"
_EVENT_EXPECTED = "an event of the contract"
_REQUIRED: Mapping[str, tuple[Callable[[Any], Any], str, str]] = {
    "event_id": (readers.identifier, "text of 1 to 256 characters", "send a unique id with each event"),
    "visitor_id": (readers.identifier, "text of 1 to 256 characters", "send the browser's or device's id"),
    "ts": (instant, "epoch ms or ISO 8601 within 2000 to 2099", "send the event's own time"),
    "event": (event_name, _EVENT_EXPECTED, _EVENT_ADVICE),
}
_decode = msgspec.json.Decoder().decode


def parse(value: bytes) -> tuple[Any, bool]:
    """Parse JSON that may have a byte order mark, NaN or lone surrogates; also whether it has none of them.

    Raises ValueError for anything else.
    """
    try:
        return _decode(value), True
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(value.decode("utf-8-sig")), False
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


class Reading(NamedTuple):
    """An event as read: its form and the place of each field."""

    click: Click | Rejected
    form: str
    sources: dict[str, str]


def normalise(
    value: bytes, events: EventNames = event_name, private: bool = False, zone: tzinfo = UTC
) -> Click | Rejected:
    """Read an event in whatever form; `Click.flags` says which optional fields were dropped or clipped.

    `private`: no message quotes what may be a person's id. `zone`: of times that name none.
    """
    try:
        raw, clean = parse(value)
        raw, clean = _unwrapped(raw) if isinstance(raw, str) else (raw, clean)
    except ValueError as error:
        return Rejected(Reason.MALFORMED, f"not JSON ({str(error)[:80]}); expected one JSON object in UTF-8")
    if not isinstance(raw, dict):
        seen = "another value" if private else describe(raw)
        return Rejected(Reason.MALFORMED, f"found {seen}, expected one JSON object a record")
    return read(raw, events, private, clean and not may_contain_template(value), zone).click


def _unwrapped(text: str) -> tuple[Any, bool]:
    """The event in a JSON string, as producers send it that serialise twice; else the text itself."""
    try:
        return parse(text.encode())[0], False
    except ValueError:
        return text, False


def read(
    raw: dict[str, Any],
    events: EventNames = event_name,
    private: bool = False,
    clean: bool = False,
    zone: tzinfo = UTC,
) -> Reading:
    """Read a parsed event; `clean`: it is known to be plain JSON without templates."""
    form = events.form or recognise(raw)
    parts = form.events_in(raw)
    if len(parts) != 1:
        return Reading(_several(form, len(parts)), form.name, {})
    gathered = gather(parts[0], form, CLICK_FIELD)
    found = gathered.fields
    if gathered.events:
        found["event"] = _event(gathered.events, events)
    if gathered.sources.get("event_id") == "id" and form.open and _is_items_id(found):
        del found["event_id"]
    # Some systems write UTC without saying so.
    click = _read(turned(with_dismissal(found)), private, clean, UTC if form.utc else zone)
    return Reading(click, form.name, gathered.sources)


def _is_items_id(found: dict[str, Any]) -> bool:
    """Whether an `id` at the top may be the item's: two events of it would be one and the same."""
    return found.get("event") in tuple(ITEM_EVENTS) and "item_id" not in found and "basket" not in found


def _event(names: list[Any], events: EventNames) -> Any:
    """The contract's event by the first name that it is known by; else the first name."""
    for name in names:
        with suppress(Unreadable):
            return events(name)
    return names[0]


def _several(form: Form, count: int) -> Rejected:
    expected = "expected one a record; send one record for each, with what stands around it"
    found = f"{form.batch} holds {count} events ({form.title})"
    return Rejected(Reason.INVALID, f"{found}, {expected}", form.batch)


def _read(found: dict[str, Any], private: bool, clean: bool, zone: tzinfo) -> Click | Rejected:
    if not isinstance(found.get("ts"), int) or not TS_MIN <= found["ts"] < TS_MAX:
        with suppress(Unreadable):
            found["ts"] = instant(found.get("ts"), zone)
    click = _renamed(found) if clean else None
    if click is not None:
        return click
    refusal = _other_schema(found.get("schema_version", SCHEMA_VERSION), private)
    if refusal is not None:
        return refusal
    if is_passive(found.get("event")):
        return _passive(found["event"])
    found = align(found)
    required = _required(found, private, zone)
    if isinstance(required, Rejected):
        return required
    return _click(required, readers.read_fields(found, OPTIONAL_READERS))


def _renamed(found: dict[str, Any]) -> Click | None:
    """The click of an event that differs from the contract in names or nesting only; None otherwise."""
    try:
        click = msgspec.convert(found, Click)
    except msgspec.ValidationError:
        return None
    wordy = click.basket and not MISSING.isdisjoint(click.basket)
    return None if wordy or uneven(click) else click


def _other_schema(version: Any, private: bool) -> Rejected | None:
    try:
        if readers.number(version) == SCHEMA_VERSION:
            return None
    except Unreadable:
        pass
    advice = "send a version that this program reads, or update it"
    seen = "another" if private else describe(version)
    return Rejected(
        Reason.UNKNOWN_SCHEMA,
        f"schema_version is {seen}, expected {SCHEMA_VERSION}; {advice}",
        "schema_version",
    )


def _passive(name: str) -> Rejected:
    """The refusal of an event that says nothing of shopping, whatever else it lacks.

    Its name is one of a list, and none of a person.
    """
    message = f"event is {describe(name)}, expected {_EVENT_EXPECTED}; {_PASSIVE_ADVICE}"
    return Rejected(Reason.INVALID, message, "event", name)


def _required(found: Mapping[str, Any], private: bool, zone: tzinfo) -> dict[str, Any] | Rejected:
    values = {}
    for name, (reader, expected, advice) in _REQUIRED.items():
        value = found.get(name)
        try:
            values[name] = instant(value, zone) if name == "ts" else reader(value)
        except Unreadable:
            hidden = private and (name != "event" or _names_person(found, found.get(name)))
            seen = "missing" if name not in found else "unreadable" if hidden else describe(found[name])
            return Rejected(Reason.INVALID, f"{name} is {seen}, expected {expected}; {advice}", name)
    return values


def _names_person(found: Mapping[str, Any], value: Any) -> bool:
    """Whether a value contains the event's visitor or user id, as `login_anna` does."""
    said = _plain(value)
    people = [_plain(found.get(name)) for name in ("visitor_id", "user_id")]
    return any(person in said for person in people if person)


def _plain(value: Any) -> str:
    """Text or a number as text without case; empty for anything else."""
    if isinstance(value, str):
        return value.casefold()
    try:
        return readers.string(value)
    except Unreadable:
        return ""


def _click(required: dict[str, Any], fields: readers.Fields) -> Click:
    flags = 0
    for name in fields.dropped:
        flags |= DROPPED[name]
    for name in fields.clipped:
        flags |= CLIPPED[name]
    if "consent" in fields.dropped:
        # An unreadable value is taken as a refusal, in the visitor's favour.
        fields.values["consent"] = False
    return Click(**required, **fields.values, flags=flags)
