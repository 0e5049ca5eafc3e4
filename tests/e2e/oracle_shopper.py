"""One visitor as the oracle knows it, from docs/state.md: plain fields, one click at a time."""

from dataclasses import dataclass, field
from typing import NamedTuple

import xxhash

from tests.e2e.oracle_basket import (
    MOST_COUNT,
    MOST_MONEY,
    Cart,
    Profile,
    category_hash,
    item_hash,
    items_of,
    lines_of,
    price_bucket,
)
from tests.e2e.oracle_input import EVENTS
from tests.e2e.oracle_offers import Offers
from tests.e2e.oracle_orders import Orders

MINUTE_MS = 60_000
KEPT_MS = 180 * 86_400_000
FRESH, REORDERED, RATE, CLIPPED, SEEN, IN_CART, PAGE, CLOCK = 1, 2, 4, 8, 16, 32, 64, 128


class Rules(NamedTuple):
    """Times in ms."""

    gap: int = 30 * MINUTE_MS
    session: int = 24 * 60 * MINUTE_MS
    clicks: int = 10_000
    lateness: int = 5 * MINUTE_MS
    clocks: int = 20 * MINUTE_MS
    per_minute: int = 120
    churn: int = 30 * 86_400_000
    ttl: int = 180 * 86_400_000
    window: int = 86_400_000
    pane: int = 3_600_000
    retention: int = 48 * 3_600_000


class Code(NamedTuple):
    item: int
    category: int
    event: int
    dwell: int
    price: int
    flags: int


@dataclass
class Shopper:
    """Everything known of a visitor but the encoder's hidden state, which is derived."""

    offers: Offers
    first_ts: int = 0
    last_ts: int = 0
    ended: bool = False
    churned: bool = False
    denied: bool = False
    start_ts: int = 0
    in_session: int = 0
    counts: list[int] = field(default_factory=lambda: [0] * 17)
    dwell_ms: int = 0
    cart_ts: int = 0
    checkout_ts: int = 0
    spend: int = 0
    cart: Cart = field(default_factory=Cart)
    seen: list[int] = field(default_factory=list)
    pages: list[bytes] = field(default_factory=list)
    sessions: int = 0
    bought_sessions: int = 0
    previous_end: int = 0
    left_items: int = 0
    left_value: int = 0
    totals: list[int] = field(default_factory=lambda: [0] * 17)
    orders: Orders = field(default_factory=Orders)
    profile: Profile = field(default_factory=Profile)
    rate_minute: int = 0
    rate_count: int = 0
    ids: list[bytes] = field(default_factory=list)
    codes: list[Code] = field(default_factory=list)
    session_timer: int = 0
    exposure_timer: int = 0
    rating_sum: int = 0
    rating_count: int = 0
    user_id: str = ""
    linked_at: int = 0
    others: None = None
    #: By field: hash and event time of what clicks said of the person.
    told: dict[str, tuple[int, int]] = field(default_factory=dict)
    given: None = None
    #: Lines that earlier sessions left in their carts, and when cart or these last changed.
    kept: list = field(default_factory=list)
    basket_ts: int = 0
    #: Device, channel and country, as the session's clicks say; none of a visitor who refuses.
    segment: tuple[str, ...] = ()

    @property
    def timer(self):
        return min(minute for minute in (self.session_timer, self.exposure_timer or self.session_timer))

    @property
    def purchases(self):
        return self.counts[1 + EVENTS.index("purchase")]

    def erase(self, now):
        """A refusal of consent: what was kept before it goes; older logins change nothing any more."""
        self.codes, self.profile, self.orders = [], Profile(day=self.profile.day), Orders()
        self.left_items = self.left_value = self.rating_sum = self.rating_count = 0
        self.told, self.user_id, self.linked_at = {}, "", now
        self.kept, self.basket_ts = [], 0

    def take_from_kept(self, items, now):
        """The cart changed by an event about these items; None: about all."""
        self.basket_ts = now
        self.kept = [line for line in self.kept if items is not None and line.item not in items]

    def describe(self, click):
        """What a click with `consent: true` says of the person, and the user that it is of."""
        if click.get("consent") is True and not self.denied:
            for name in ("age_band", "gender", "region"):
                if click.get(name) and click["ts"] >= self.told.get(name, (0, 0))[1]:
                    self.told[name] = xxhash.xxh3_64_intdigest(click[name].lower().encode()), click["ts"]
        if not self.denied and click.get("user_id") is not None and click["ts"] >= self.linked_at:
            self.user_id, self.linked_at = click["user_id"], click["ts"]

    def place(self, click):
        """Which segment the session is of after a click."""
        said = [click.get(name) for name in ("device", "channel", "country")]
        if not self.denied and any(value is not None for value in said):
            pairs = zip(self.segment or ("", "", ""), said, strict=True)
            self.segment = tuple(before if value is None else value[:32] for before, value in pairs)

    def start_session(self, now, born):
        if born:
            self.first_ts = now
        else:
            self.totals = [capped(a + b) for a, b in zip(self.totals, self.counts, strict=True)]
            self.bought_sessions = capped(self.bought_sessions + (self.purchases > 0))
            self.previous_end = self.last_ts
            self.left_items, self.left_value = len(self.cart.lines), self.cart.value
            fresh = now - self.basket_ts <= 30 * 86_400_000
            self.kept = [*self.kept, *self.cart.lines][-16:] if fresh else []
        self.sessions = capped(self.sessions + 1)
        self.start_ts, self.counts, self.in_session = now, [0] * 17, 0
        self.dwell_ms = self.spend = self.cart_ts = self.checkout_ts = 0
        self.cart, self.seen, self.pages, self.segment = Cart(), [], [], ()
        self.ended = self.churned = False
        self.profile.fade(now)
        self.told = {name: word for name, word in self.told.items() if now - word[1] <= KEPT_MS}

    def count_rate(self, now):
        """Whether there are more clicks in this minute than a person makes."""
        if now // MINUTE_MS != self.rate_minute:
            self.rate_minute, self.rate_count = now // MINUTE_MS, 0
        self.rate_count = capped(self.rate_count + 1)
        return self.rate_count

    def code_of(self, click, dwell, flags):
        item = item_hash(click.get("item_id"))
        if item and not self.denied:
            flags |= SEEN * (item in self.seen) | IN_CART * (self.cart.find(item) is not None)
        bucket = 0 if flags & FRESH else min(15, max(1, dwell.bit_length() - 6))
        event = 1 + EVENTS.index(click["event"])
        category = category_hash(click.get("category"))
        if not item and click.get("page") is not None:
            item, flags = xxhash.xxh3_64_intdigest(click["page"].encode()), flags | PAGE
        return Code(item, category, event, bucket, price_bucket(click.get("price")), flags)

    def keep(self, click, code, now):
        """The contents of an applied click of a visitor who consents."""
        item = item_hash(click.get("item_id"))
        if item and item not in self.seen and len(self.seen) < 64:
            self.seen.append(item)
        if click.get("page") is not None:
            page = xxhash.xxh3_64_digest(click["page"].encode())[:4]
            if page not in self.pages and len(self.pages) < 32:
                self.pages.append(page)
        self.profile.grow(click)
        change = getattr(self, "_" + click["event"], None)
        if change is not None:
            change(click, now)
        self.codes = [*self.codes, code][-50:]

    def _add_to_cart(self, click, now):
        self.cart_ts = now
        for item, price, pieces in lines_of(click):
            if item is not None:
                self.cart.add(item_hash(item), pieces or 1, price)
        self.take_from_kept(items_of(click), now)

    def _remove_from_cart(self, click, now):
        for item, _, pieces in lines_of(click):
            if item is not None:
                self.cart.remove(item_hash(item), pieces)
        self.take_from_kept(items_of(click), now)

    def _begin_checkout(self, click, now):
        self.checkout_ts = now

    def _purchase(self, click, now):
        amount = self.orders.buy(click, now, (self.sessions, self.start_ts))
        self.spend = min(MOST_MONEY, self.spend + amount)
        for item in items_of(click):
            self.cart.remove(item, None)
        if not items_of(click):
            self.cart = Cart()
        self.take_from_kept(items_of(click) or None, now)

    def _refund(self, click, now):
        paid, of_this_session = self.orders.refund(click, (self.sessions, self.start_ts))
        if of_this_session:
            self.spend = max(0, self.spend - paid)
        self.spend = min(self.spend, self.orders.total)

    def _rate_item(self, click, now):
        if click.get("rating") is not None:
            if self.rating_count == 1000:
                self.rating_sum, self.rating_count = self.rating_sum // 2, 500
            self.rating_sum += round(1000 * click["rating"])
            self.rating_count += 1


def capped(count):
    return min(count, MOST_COUNT)


def minute_of(due):
    return -(-due // MINUTE_MS)
