"""Decode the bytes of a chunk to clicks and rejections: all input passes through here.

Well-formed events are decoded and validated in one pass in C; all others are read by
`models.contract.normalise`. The same checks follow both: bounds, catalogue, key and clock. Nothing here
raises, whatever the bytes.
"""

from collections.abc import Sequence
from functools import partial

import msgspec
from msgspec.structs import astuple

from models.contract import baskets
from models.contract.aliases import EventNames, event_name
from models.contract.catalogue import Catalogue, Item
from models.contract.events import (
    CLIPPED,
    DROPPED,
    FILLED,
    ITEM_EVENTS,
    OUTLIER_FACTOR,
    UNBOUNDED,
    VALUE_FACTOR,
    AmountBounds,
    Click,
    Limits,
    Reason,
    Rejected,
)
from models.contract.normalise import normalise
from models.contract.pseudonyms import Pseudonyms
from models.contract.times import zone_advice, zone_named, zone_of_skew
from models.contract.values import describe
from models.contract.wire_formats import PLAIN, InputRecord, WireFormat, framed, key_cure
from models.forms.missing import MISSING
from models.forms.templates import may_contain_template

#: Written by `pathcast replay`: when the event was first seen (epoch ms as text).
ORIGINAL_TIME = "original-time"
#: Digits that no epoch ms has.
ORIGINAL_TIME_DIGITS = 16
_KEY_ADVICE = "send visitor_id as the record's key"
_ANY_DROPPED = sum(DROPPED.values())
#: Fields whose clipping is counted.
AMOUNTS = ("price", "quantity", "value", "basket_prices", "basket_quantities")
_AMOUNT_CLIPPED = sum(CLIPPED[name] for name in AMOUNTS)


class Decoder:
    """Decodes records; one instance a worker. Raises ZoneError for limits with an unknown time zone.

    `events` reads event names, `wire` how keys and values stand on the topic. `dropped` counts, by field, the
    optional values that could not be read, `clipped` amounts beyond their bounds or below 0. `absent` counts
    events about an item that name none (`item_id`), and refunds of items without an amount (`price`). With
    `pseudonyms` clicks hold those in place of ids, and messages of rejections name no id.
    """

    def __init__(
        self,
        limits: Limits,
        catalogue: Catalogue,
        events: EventNames = event_name,
        pseudonyms: Pseudonyms | None = None,
        wire: WireFormat = PLAIN,
    ) -> None:
        self.limits, self.wire = limits, wire
        self.catalogue = catalogue
        self.events = events
        self.pseudonyms = pseudonyms
        self.dropped: dict[str, int] = {}
        self.absent: dict[str, int] = {}
        self.clipped: dict[str, int] = {}
        self._bounds, self._watch, self._watch_value = UNBOUNDED, limits.price_max, limits.value_max
        self._decode = msgspec.json.Decoder(Click).decode
        self._item = catalogue.get
        self._no_word = MISSING.isdisjoint
        self._max_bytes = limits.max_event_bytes
        self._zone = zone_named(limits.time_zone)
        self._past, self._future = -limits.skew_past_ms, limits.skew_future_ms

    def decode(
        self, records: Sequence[InputRecord], bounds: AmountBounds = UNBOUNDED
    ) -> list[Click | Rejected]:
        """One entry per record, in order; `bounds` are those of the model version in use."""
        self._bounds, self._watch = bounds, min(self.limits.price_max, bounds.least)
        self._watch_value = min(self.limits.value_max, VALUE_FACTOR * bounds.least)
        one, records = self._one, self.wire.bare(records)
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
            further = strict.basket or strict.basket_prices or strict.basket_quantities
            if tolerantly or wordy or (further and self._is_odd(strict)):
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

    def _is_odd(self, click: Click) -> bool:
        return not self._no_word(click.basket or ()) or baskets.uneven(click)

    def _tolerant(self, value: bytes) -> Click | Rejected:
        private = self.pseudonyms is not None
        click = framed(value) or normalise(value, self.events, private, self._zone)
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
        elif click.event in ITEM_EVENTS and not click.flags & DROPPED["item_id"]:
            self.absent["item_id"] = self.absent.get("item_id", 0) + 1
        if click.basket:
            baskets.fill(click, self._price_of)
            limit = partial(self._price_limit, click)
            baskets.bound(click, self._watch, limit, self.limits.quantity_max)
        if click.event == "refund":
            self._count_unpriced(click)
        self._bound(click)
        if click.flags & _AMOUNT_CLIPPED:
            self._count_clipped(click)
        return click

    def _count_clipped(self, click: Click) -> None:
        for name in AMOUNTS:
            if click.flags & CLIPPED[name]:
                self.clipped[name] = self.clipped.get(name, 0) + 1

    def _count_unpriced(self, click: Click) -> None:
        if click.value is None and baskets.unpriced(click):
            self.absent["price"] = self.absent.get("price", 0) + 1

    def _price_of(self, item_id: str) -> float | None:
        item = self._item(item_id)
        return None if item is None else item.price

    def _bound(self, click: Click) -> None:
        limits = self.limits
        if click.price is not None and click.price > self._watch:
            _clip(click, "price", self._price_limit(click, click.item_id))
        if click.quantity is not None and click.quantity > limits.quantity_max:
            _clip(click, "quantity", limits.quantity_max)
        if click.value is not None and click.value > self._watch_value:
            most = max(self._learned(click, item) for item in (click.item_id, *(click.basket or ())))
            _clip(click, "value", min(limits.value_max, VALUE_FACTOR * most))
        if click.rating is not None and click.rating > limits.rating_max:
            _clip(click, "rating", limits.rating_max)

    def _price_limit(self, click: Click, item_id: str | None) -> float:
        return min(self.limits.price_max, self._learned(click, item_id))

    def _learned(self, click: Click, item_id: str | None) -> float:
        """The learned bound of a unit price; what the catalogue asks for the item is no outlier."""
        listed = self._price_of(item_id) if item_id is not None else None
        return max(self._bounds.price(click.currency), OUTLIER_FACTOR * (listed or 0))

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


def arrival(record: InputRecord) -> int:
    """When a record was received first (epoch ms): of a replay as its header says; -1: it is not known."""
    for name, value in record.headers:
        if name == ORIGINAL_TIME:
            return int(value) if value.isdigit() and len(value) < ORIGINAL_TIME_DIGITS else -1
    return record.timestamp


def _clip(click: Click, name: str, most: float) -> None:
    if getattr(click, name) > most:
        setattr(click, name, most)
        click.flags |= CLIPPED[name]


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
    if cure := key_cure(key, visitor_id):
        return Rejected(Reason.KEY_MISMATCH, f"{cure}, or {_KEY_ADVICE}")
    found, expected = ("another", "") if private else (describe(key), f" {describe(visitor_id)}")
    message = f"key is {found}, expected the visitor_id{expected}; {_KEY_ADVICE}"
    return Rejected(Reason.KEY_MISMATCH, message)


def _skewed(ts: int, timestamp: int) -> Rejected:
    apart = ts - timestamp
    said = f"ts is {ts}, {apart / 1000:+.0f} s from the record's {timestamp}"
    zone = zone_of_skew(apart)
    if zone is not None:
        return Rejected(Reason.SKEWED, f"{said}: {zone_advice(zone)}")
    old = "set the producer's clock, or replay with an original-time header"
    advice = old if apart < 0 else "set the producer's clock; a replay may send old events, not future ones"
    return Rejected(Reason.SKEWED, f"{said}; {advice}")
