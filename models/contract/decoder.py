"""Decode the bytes of a chunk to clicks and rejections: all input passes through here.

Well-formed events are decoded and validated in one pass in C; all others are read by
`models.contract.normalise`. The same checks follow both: bounds, catalogue, key and clock. Nothing here
raises, whatever the bytes.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec.structs import astuple

from models.contract.aliases import EventNames, event_name
from models.contract.catalogue import Catalogue, Item
from models.contract.events import CLIPPED, DROPPED, FILLED, Click, Limits, Reason, Rejected
from models.contract.normalise import normalise
from models.contract.pseudonyms import Pseudonyms
from models.contract.templates import may_contain_template
from models.contract.values import MISSING, describe

#: Written by `pathcast replay`: when the event was first seen (epoch ms as text).
ORIGINAL_TIME = "original-time"
_KEY_ADVICE = "send visitor_id as the record's key"
_ANY_DROPPED = sum(DROPPED.values())


class InputRecord(Protocol):
    """The fields of a Kafka record that are read here; `timestamp` in epoch ms, negative if absent."""

    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Sequence[tuple[str, bytes]]


class Decoder:
    """Decodes records; one instance a worker.

    `events` reads event names; `dropped` counts, by field, the optional values that could not be read. With
    `pseudonyms` clicks hold those in place of ids, and messages of rejections name no id.
    """

    def __init__(
        self,
        limits: Limits,
        catalogue: Catalogue,
        events: EventNames = event_name,
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self.limits = limits
        self.catalogue = catalogue
        self.events = events
        self.pseudonyms = pseudonyms
        self.dropped: dict[str, int] = {}
        self._decode = msgspec.json.Decoder(Click).decode
        self._item = catalogue.get
        self._no_word = MISSING.isdisjoint
        self._max_bytes = limits.max_event_bytes
        self._past, self._future = -limits.skew_past_ms, limits.skew_future_ms

    def decode(self, records: Sequence[InputRecord]) -> list[Click | Rejected]:
        """One entry per record, in order."""
        one = self._one
        values = [record.value or b"" for record in records]
        # Only records that begin with a brace count; another one would hide a brace of some template.
        objects = [value[:1] for value in values].count(b"{")
        if may_contain_template(b"\n".join(values), objects):
            return [one(record, may_contain_template(record.value or b"")) for record in records]
        return [one(record) for record in records]

    def _one(self, record: InputRecord, tolerantly: bool = False) -> Click | Rejected:
        value, key = record.value, record.key
        if not value or not key or len(value) > self._max_bytes:
            return self._refused(record)
        click: Click | Rejected
        try:
            click = strict = self._decode(value)
            # Words for "missing" and templates go to `models.contract.normalise`, where they become None.
            wordy = not self._no_word(astuple(strict))
            if tolerantly or wordy or (strict.basket and not self._no_word(strict.basket)):
                click = self._tolerant(value)
        except (ValueError, RecursionError):
            click = self._tolerant(value)
        if isinstance(click, Rejected):
            return click
        if click.visitor_id.encode() != key:
            return _mismatch(key, click.visitor_id, self.pseudonyms is not None)
        apart = click.ts - record.timestamp
        if not self._past <= apart <= self._future and self._distrusts(record, apart):
            return _skewed(click.ts, record.timestamp)
        if self.pseudonyms is not None:
            self.pseudonyms.pseudonymise(click)
        return self._completed(click)

    def _tolerant(self, value: bytes) -> Click | Rejected:
        click = normalise(value, self.events, self.pseudonyms is not None)
        if isinstance(click, Click) and click.flags & _ANY_DROPPED:
            for name, bit in DROPPED.items():
                if click.flags & bit:
                    self.dropped[name] = self.dropped.get(name, 0) + 1
        return click

    def _completed(self, click: Click) -> Click:
        """Fill in from the catalogue, then apply bounds, which hold for the catalogue's price too."""
        if click.item_id is not None:
            item = self._item(click.item_id)
            if item is not None:
                _fill(click, item)
        self._bound(click)
        return click

    def _bound(self, click: Click) -> None:
        limits = self.limits
        if click.price is not None and click.price > limits.price_max:
            click.price = limits.price_max
            click.flags |= CLIPPED["price"]
        if click.quantity is not None and click.quantity > limits.quantity_max:
            click.quantity = limits.quantity_max
            click.flags |= CLIPPED["quantity"]
        if click.value is not None and click.value > limits.value_max:
            click.value = limits.value_max
            click.flags |= CLIPPED["value"]
        if click.rating is not None and click.rating > limits.rating_max:
            click.rating = limits.rating_max
            click.flags |= CLIPPED["rating"]

    def _distrusts(self, record: InputRecord, apart: int) -> bool:
        """A replayed click may have any age, but none may be from the future: it would end all sessions."""
        if not self.limits.check_skew or record.timestamp < 0:
            return False
        trusted = self.limits.trust_original_time and apart <= self._future
        return not (trusted and any(name == ORIGINAL_TIME for name, _ in record.headers))

    def _refused(self, record: InputRecord) -> Rejected:
        size = len(record.value or b"")
        if size > self.limits.max_event_bytes:
            expected = f"expected at most {self.limits.max_event_bytes}; send only fields of the contract"
            return Rejected(Reason.TOO_LARGE, f"the value has {size} bytes, {expected}")
        if not record.key:
            found = describe(record.key)
            return Rejected(Reason.MISSING_KEY, f"key is {found}, expected the visitor_id; {_KEY_ADVICE}")
        return Rejected(Reason.MALFORMED, "the value is empty, expected one JSON object a record")


def _fill(click: Click, item: Item) -> None:
    if click.category is None and item.category is not None:
        click.category = item.category
        click.flags |= FILLED["category"]
    if click.brand is None and item.brand is not None:
        click.brand = item.brand
        click.flags |= FILLED["brand"]
    if click.price is None and item.price is not None:
        click.price = item.price
        click.flags |= FILLED["price"]


def _mismatch(key: bytes, visitor_id: str, private: bool) -> Rejected:
    found, expected = ("another", "") if private else (describe(key), f" {describe(visitor_id)}")
    message = f"key is {found}, expected the visitor_id{expected}; {_KEY_ADVICE}"
    return Rejected(Reason.KEY_MISMATCH, message)


def _skewed(ts: int, timestamp: int) -> Rejected:
    apart = (ts - timestamp) / 1000
    old = "set the producer's clock, or replay with an original-time header"
    advice = old if apart < 0 else "set the producer's clock; a replay may send old events, not future ones"
    return Rejected(Reason.SKEWED, f"ts is {ts}, {apart:+.0f} s from the record's {timestamp}; {advice}")
