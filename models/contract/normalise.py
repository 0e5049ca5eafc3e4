"""Tolerant decoding, field by field, of events that are not exactly in the contract's form.

The result equals that of the strict decoder for the same event written canonically.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from models.contract import values as readers
from models.contract.aliases import CLICK_FIELD, EventNames, event_name, gather
from models.contract.events import (
    CLIPPED,
    DROPPED,
    ID_CHARS,
    OPTIONAL_FIELDS,
    SCHEMA_VERSION,
    Click,
    Reason,
    Rejected,
)
from models.contract.templates import may_contain_template
from models.contract.values import MISSING, Reader, Unreadable, describe

OPTIONAL_READERS: Mapping[str, Reader] = {
    **{name: readers.text(256) for name in OPTIONAL_FIELDS},
    **dict.fromkeys(("price", "value", "rating"), readers.amount),
    **dict.fromkeys(("user_id", "item_id", "promo_id", "transaction_id"), readers.whole(ID_CHARS)),
    **dict.fromkeys(("decision_id", "recommendation_id"), readers.whole(2 * ID_CHARS)),
    "query": readers.words(512),
    "page": readers.address(1024),
    "quantity": readers.pieces,
    "basket": readers.basket,
    "consent": readers.truth,
    "explain": readers.truth,
}
_EVENT_ADVICE = "see docs/contract/click.schema.json; PATHCAST_EVENT_MAP maps other names"
_REQUIRED: Mapping[str, tuple[Callable[[Any], Any], str, str]] = {
    "event_id": (readers.identifier, "text of 1 to 256 characters", "send a unique id with each event"),
    "visitor_id": (readers.identifier, "text of 1 to 256 characters", "send the browser's or device's id"),
    "ts": (readers.instant, "epoch ms or ISO 8601 within 2000 to 2099", "send the event's own time"),
    "event": (event_name, "an event of the contract", _EVENT_ADVICE),
}
_decode = msgspec.json.Decoder().decode


class Fields(NamedTuple):
    """Optional fields as read, with the names of those that were unreadable and of those that were cut."""

    values: dict[str, Any]
    dropped: list[str]
    clipped: list[str]


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


def read_fields(found: Mapping[str, Any], by_name: Mapping[str, Reader]) -> Fields:
    """Read the fields of `found` that `by_name` has a reader for."""
    fields = Fields({}, [], [])
    for name, value in found.items():
        reader = by_name.get(name)
        if reader is None:
            continue
        try:
            fields.values[name], clipped = reader(value)
        except Unreadable:
            fields.dropped.append(name)
            continue
        if clipped:
            fields.clipped.append(name)
    return fields


def normalise(value: bytes, events: EventNames = event_name, private: bool = False) -> Click | Rejected:
    """Read an event in whatever form; `Click.flags` says which optional fields were dropped or clipped.

    `private`: no message quotes what may be a person's id.
    """
    try:
        raw, clean = parse(value)
    except ValueError as error:
        return Rejected(Reason.MALFORMED, f"not JSON ({str(error)[:80]}); expected one JSON object in UTF-8")
    if not isinstance(raw, dict):
        seen = "another value" if private else describe(raw)
        return Rejected(Reason.MALFORMED, f"found {seen}, expected one JSON object a record")
    found = gather(raw, CLICK_FIELD)
    with suppress(Unreadable):
        found["event"] = events(found.get("event"))
    click = _renamed(found) if clean and not may_contain_template(value) else None
    if click is not None:
        return click
    refusal = _other_schema(found.get("schema_version", SCHEMA_VERSION), private)
    if refusal is not None:
        return refusal
    required = _required(found, private)
    if isinstance(required, Rejected):
        return required
    return _click(required, read_fields(found, OPTIONAL_READERS))


def _renamed(found: dict[str, Any]) -> Click | None:
    """The click of an event that differs from the contract in names or nesting only; None otherwise."""
    try:
        click = msgspec.convert(found, Click)
    except msgspec.ValidationError:
        return None
    return None if click.basket and not MISSING.isdisjoint(click.basket) else click


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
    )


def _required(found: Mapping[str, Any], private: bool) -> dict[str, Any] | Rejected:
    values = {}
    for name, (reader, expected, advice) in _REQUIRED.items():
        try:
            values[name] = reader(found.get(name))
        except Unreadable:
            hidden = private and (name != "event" or _names_person(found, found.get(name)))
            seen = "missing" if name not in found else "unreadable" if hidden else describe(found[name])
            return Rejected(Reason.INVALID, f"{name} is {seen}, expected {expected}; {advice}")
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


def _click(required: dict[str, Any], fields: Fields) -> Click:
    flags = 0
    for name in fields.dropped:
        flags |= DROPPED[name]
    for name in fields.clipped:
        flags |= CLIPPED[name]
    if "consent" in fields.dropped:
        # An unreadable value is taken as a refusal, in the visitor's favour.
        fields.values["consent"] = False
    return Click(**required, **fields.values, flags=flags)
