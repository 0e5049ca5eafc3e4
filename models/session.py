"""The one place where a click changes a visitor. Pure and clock-free; semantics: `docs/state.md`."""

from typing import Final

import xxhash

from models import cart, profile
from models.codes import (
    CLIPPED,
    FRESH,
    IN_CART,
    ITEM_BYTES,
    NO_ITEM,
    RATE,
    REORDERED,
    SEEN,
    WIDTH,
    dwell_bucket,
    identity,
    price_bucket,
)
from models.events import CLIPPED as CLIPPED_FIELDS
from models.events import EVENT_CODES, Click
from models.facts import Facts, Fate, Reopened, Transition
from models.lifecycle import (
    ADD_TO_CART,
    BEGIN_CHECKOUT,
    MINUTE_MS,
    PURCHASE,
    SessionConfig,
    ended,
    minute_of,
    ring,
)
from models.packed import find, include, push
from models.visitor import (
    CODES_BYTES,
    IDS_BYTES,
    MAX_AMOUNT,
    MAX_COUNT,
    PAGES_BYTES,
    SEEN_BYTES,
    Visitor,
)

APPLIED: Final = Fate.APPLIED
REMOVE_FROM_CART: Final = EVENT_CODES["remove_from_cart"]
AMOUNT_CLIPPED: Final = CLIPPED_FIELDS["price"] | CLIPPED_FIELDS["quantity"] | CLIPPED_FIELDS["value"]


def step(
    visitor: Visitor | None, click: Click, watermark: int, config: SessionConfig
) -> tuple[Visitor, Facts]:
    """The visitor after `click`, and what happened. The visitor passed in belongs to the callee.

    `watermark` (event time in ms) never falls from one click of a partition to the next.
    """
    transitions: list[Transition] = []
    if visitor is not None and watermark >= visitor.armed * MINUTE_MS:
        if ring(visitor, watermark, config, transitions):
            visitor = Visitor(exposure=visitor.exposure, armed_offers=visitor.armed_offers)
    elif visitor is None:
        visitor = Visitor()
    identifier = xxhash.xxh3_64_digest(click.event_id.encode())
    if find(visitor.ids, identifier, 8) >= 0:
        return visitor, Facts(Fate.DUPLICATE, transitions)
    late_ms = visitor.last_ts - config.lateness_ms - click.ts
    if late_ms > 0:
        return visitor, Facts(Fate.LATE, transitions, late_ms=late_ms + config.lateness_ms)
    visitor.ids = push(visitor.ids, identifier, IDS_BYTES)
    return visitor, _apply(visitor, click, config, transitions)


def _apply(visitor: Visitor, click: Click, config: SessionConfig, transitions: list[Transition]) -> Facts:
    born = not visitor.last_ts
    now = click.ts if click.ts > visitor.last_ts else visitor.last_ts
    flags = _rate_flag(visitor, now, config)
    if now != click.ts:
        flags |= REORDERED
    if click.flags & AMOUNT_CLIPPED:
        flags |= CLIPPED
    fresh = _enter(visitor, click, now, config, transitions)
    if fresh:
        dwell_ms, flags = 0, flags | FRESH
    else:
        dwell_ms = now - visitor.last_ts
        visitor.dwell_ms += dwell_ms
    event = EVENT_CODES[click.event]
    previous = visitor.codes[-4] if visitor.codes and not fresh else 0
    _count(visitor, event, now, config)
    code, flags = _keep(visitor, click, event, 0 if fresh else dwell_bucket(dwell_ms), flags)
    return Facts(
        APPLIED,
        transitions,
        code,
        fresh,
        born,
        visitor.in_session,
        event,
        previous,
        flags,
        dwell_ms,
        not visitor.denied,
    )


def _enter(
    visitor: Visitor, click: Click, now: int, config: SessionConfig, transitions: list[Transition]
) -> bool:
    """Begins a session where the click is not one of the running session's; whether it did."""
    denied = visitor.denied if click.consent is None else not click.consent
    goes_on = (
        now - visitor.last_ts <= config.gap_ms
        and now - visitor.start_ts <= config.max_session_ms
        and visitor.in_session < config.max_session_clicks
        and denied == visitor.denied
    )
    if not goes_on:
        if visitor.last_ts and not visitor.ended:
            transitions.append(ended(visitor))
        _begin(visitor, now)
        if denied and not visitor.denied:
            _erase(visitor)
        visitor.denied = denied
    elif visitor.ended:
        transitions.append(Reopened(visitor.last_ts, visitor.counts[PURCHASE]))
    visitor.ended = visitor.churned = False
    return not goes_on


def _begin(visitor: Visitor, now: int) -> None:
    """Moves the session into the totals and starts an empty one."""
    counts, totals = visitor.counts, visitor.totals
    if visitor.last_ts:
        visitor.totals = [min(MAX_COUNT, a + b) for a, b in zip(totals, counts, strict=True)]
        visitor.bought_sessions = min(MAX_COUNT, visitor.bought_sessions + (counts[PURCHASE] > 0))
        visitor.previous_end = visitor.last_ts
        visitor.left_items, visitor.left_value = visitor.cart_items, visitor.cart_value
        visitor.counts = [0] * len(counts)
    else:
        visitor.first_ts = now
    visitor.sessions = min(MAX_COUNT, visitor.sessions + 1)
    visitor.start_ts = now
    visitor.in_session = visitor.dwell_ms = visitor.spend = visitor.cart_value = 0
    visitor.cart_ts = visitor.checkout_ts = visitor.hidden_model = visitor.hidden_at = 0
    visitor.cart = visitor.seen = visitor.pages = visitor.hidden = b""
    profile.fade(visitor, now)


def _erase(visitor: Visitor) -> None:
    """Consent was refused: what says more than counts goes."""
    visitor.codes = visitor.categories = b""
    visitor.price_weight = visitor.price_sum = visitor.total_spend = 0
    visitor.left_items = visitor.left_value = visitor.last_order = visitor.orders = visitor.purchase_ts = 0


def _count(visitor: Visitor, event: int, now: int, config: SessionConfig) -> None:
    visitor.counts[event] = min(MAX_COUNT, visitor.counts[event] + 1)
    visitor.in_session += 1
    visitor.last_ts = now
    minute = minute_of(now + config.gap_ms)
    if not visitor.armed or minute < visitor.armed:
        visitor.armed = minute


def _rate_flag(visitor: Visitor, now: int, config: SessionConfig) -> int:
    minute = now // MINUTE_MS
    if minute != visitor.rate_minute:
        visitor.rate_minute, visitor.rate_count = minute, 0
    visitor.rate_count = min(MAX_COUNT, visitor.rate_count + 1)
    return RATE if visitor.rate_count > config.max_clicks_per_minute else 0


def _keep(visitor: Visitor, click: Click, event: int, dwell: int, flags: int) -> tuple[bytes, int]:
    """The click's code and final flags; without a refusal of consent its contents go into the state."""
    item = identity(click.item_id, click.category)
    price = price_bucket(click.price)
    if visitor.denied:
        return item + bytes((event, dwell, price, flags)), flags
    item8 = item[:ITEM_BYTES]
    if item8 != NO_ITEM:
        if find(visitor.seen, item8, ITEM_BYTES) >= 0:
            flags |= SEEN
        else:
            visitor.seen = include(visitor.seen, item8, SEEN_BYTES)
        if visitor.cart and find(visitor.cart, item8, WIDTH) >= 0:
            flags |= IN_CART
    if click.page is not None:
        page = xxhash.xxh3_64_digest(click.page.encode())[:4]
        visitor.pages = include(visitor.pages, page, PAGES_BYTES)
    profile.touch(visitor, event, item[ITEM_BYTES:], price)
    _trade(visitor, click, event)
    code = item + bytes((event, dwell, price, flags))
    visitor.codes = push(visitor.codes, code, CODES_BYTES)
    return code, flags


def _trade(visitor: Visitor, click: Click, event: int) -> None:
    if event == ADD_TO_CART:
        visitor.cart_ts = visitor.last_ts
        cart.add(visitor, click)
    elif event == REMOVE_FROM_CART:
        cart.remove(visitor, click)
    elif event == BEGIN_CHECKOUT:
        visitor.checkout_ts = visitor.last_ts
    elif event == PURCHASE:
        visitor.purchase_ts = visitor.last_ts
        _spend(visitor, click)
        cart.buy(visitor, click)


def _spend(visitor: Visitor, click: Click) -> None:
    """A transaction's `value` counts once; events without one count price times quantity, each."""
    order = xxhash.xxh3_64_intdigest((click.transaction_id or "").encode()) if click.transaction_id else 0
    repeated = bool(order) and order == visitor.last_order
    if not repeated:
        visitor.orders = min(MAX_COUNT, visitor.orders + 1)
    visitor.last_order = order
    if click.value is not None:
        amount = 0 if repeated else cart.thousandths(click.value)
    else:
        amount = cart.thousandths((click.price or 0) * (click.quantity or 1))
    visitor.spend = min(MAX_AMOUNT, visitor.spend + amount)
    visitor.total_spend = min(MAX_AMOUNT, visitor.total_spend + amount)
