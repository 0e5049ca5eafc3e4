"""The session step: the only place where a click changes a visitor. Pure; semantics: `docs/state.md`."""

from operator import add
from typing import Final

import xxhash

from models.contract.events import CLIPPED as CLIPPED_FIELDS
from models.contract.events import EVENT_CODES, Click
from models.durations import MINUTE_MS
from models.identity.linking import age, declare, erase, follow, share
from models.sessions.basket import carry_over
from models.sessions.lifecycle import PURCHASE, SessionConfig, ended, fire_session_timer, minute_of, visit
from models.sessions.recording import record_click
from models.sessions.statements import repeats
from models.state.codes import CLIPPED, CLOCK, FRESH, RATE, REORDERED, dwell_bucket
from models.state.facts import ClickStatus, Facts, Reopened, Shared, Transition
from models.state.packed import has
from models.state.profile import fade
from models.state.visit_segment import after_click
from models.state.visitor import IDS_BYTES, MAX_COUNT, Visitor

APPLIED: Final = ClickStatus.APPLIED
AMOUNT_CLIPPED: Final = sum(
    CLIPPED_FIELDS[name] for name in ("price", "quantity", "value", "basket_prices", "basket_quantities")
)
ID_BYTES: Final = 8
PAGE_VIEW: Final = EVENT_CODES["page_view"]
#: Index of the latest code's event in packed codes.
EVENT_AT: Final = -4
digest: Final = xxhash.xxh3_64_digest


def step(
    visitor: Visitor | None, click: Click, watermark: int, config: SessionConfig, arrived: int = -1
) -> tuple[Visitor, Facts]:
    """The visitor after `click`, and the facts of the step. The visitor passed in is changed in place.

    `watermark` (event time in ms) never falls from one click of a partition to the next. `arrived` is when
    the click was received (epoch ms), -1 where that is not known.
    """
    transitions: list[Transition] = []
    if visitor is None:
        visitor = Visitor()
    elif watermark >= visitor.session_timer * MINUTE_MS and fire_session_timer(
        visitor, watermark, config, transitions
    ):
        visitor = Visitor(
            exposure=visitor.exposure,
            exposure_timer=visitor.exposure_timer,
            given=visitor.given,
            recommended=visitor.recommended,
        )
    identifier, ids = digest(click.event_id.encode()), visitor.ids
    if has(ids, identifier, ID_BYTES):
        return visitor, Facts(ClickStatus.DUPLICATE, transitions)
    behind = visitor.last_ts - click.ts
    flags = 0
    if behind > config.lateness_ms:
        if not _by_arrival(behind, click.ts, arrived, config):
            return visitor, Facts(ClickStatus.LATE, transitions, late_ms=behind)
        flags = CLOCK
    visitor.ids = (ids + identifier)[-IDS_BYTES:]
    return visitor, _apply(visitor, click, config, transitions, flags)


def _by_arrival(behind: int, ts: int, arrived: int, config: SessionConfig) -> bool:
    """Whether a click that has just been made seems late because two clocks disagree."""
    return arrived >= 0 and max(behind, abs(ts - arrived)) <= config.clock_ms


def _apply(
    visitor: Visitor, click: Click, config: SessionConfig, transitions: list[Transition], flags: int
) -> Facts:
    last, now = visitor.last_ts, click.ts
    if now < last:
        now, flags = last, flags | REORDERED
    if click.flags & AMOUNT_CLIPPED:
        flags |= CLIPPED
    fresh = _enter(visitor, click, now, config, transitions)
    dwell_ms = dwell = previous = 0
    if fresh:
        flags |= FRESH
    else:
        dwell_ms = now - last
        dwell = dwell_bucket(dwell_ms)
        visitor.dwell_ms += dwell_ms
        previous = visitor.codes[EVENT_AT] if visitor.codes else 0
    repeated = click.event == "purchase" and not visitor.denied and repeats(visitor, click)
    event = PAGE_VIEW if repeated else EVENT_CODES[click.event]
    flags |= _count(visitor, event, now, config)
    code = record_click(visitor, click, event, dwell, flags)
    if not visitor.denied:
        visitor.segment = after_click(visitor.segment, click.device, click.channel, click.country)
        if click.consent is True:
            declare(visitor, click)
        if click.user_id is not None:
            transitions += follow(visitor, click)
    elif click.consent is False:
        visitor.linked_at = now
    return Facts(
        APPLIED,
        transitions,
        code,
        fresh,
        not last,
        visitor.in_session,
        event,
        previous,
        code[-1],
        dwell_ms,
        not visitor.denied,
        repeated=repeated,
    )


def _enter(
    visitor: Visitor, click: Click, now: int, config: SessionConfig, transitions: list[Transition]
) -> bool:
    """Begins a session if the click does not belong to the running one; returns whether it did."""
    denied = _refuses(visitor, click)
    if (
        now - visitor.last_ts <= config.gap_ms
        and now - visitor.start_ts <= config.max_session_ms
        and visitor.in_session < config.max_session_clicks
        and denied == visitor.denied
    ):
        if visitor.ended:
            transitions.append(Reopened(visitor.last_ts, visitor.counts[PURCHASE], visit(visitor)))
            visitor.ended = visitor.churned = False
        return False
    if visitor.last_ts and not visitor.ended:
        transitions += (ended(visitor), *share(visitor))
    _begin(visitor, now)
    if denied and not visitor.denied:
        transitions += _erase(visitor)
    visitor.denied, visitor.ended, visitor.churned = denied, False, False
    return True


def _refuses(visitor: Visitor, click: Click) -> bool:
    """Whether consent is refused after the click; a click older than the latest cannot grant it."""
    if click.consent is None or (click.consent and click.ts < visitor.last_ts):
        return visitor.denied
    return not click.consent


def _begin(visitor: Visitor, now: int) -> None:
    """Moves the session into the totals and starts an empty one."""
    counts, totals = visitor.counts, visitor.totals
    if visitor.last_ts:
        sums = list(map(add, totals, counts))
        # No sum is so high as a rule, and to ask for each would take five times as long.
        visitor.totals = sums if max(sums) <= MAX_COUNT else [min(MAX_COUNT, one) for one in sums]
        visitor.bought_sessions = min(MAX_COUNT, visitor.bought_sessions + (counts[PURCHASE] > 0))
        visitor.previous_end = visitor.last_ts
        visitor.left_items, visitor.left_value = visitor.cart_items, visitor.cart_value
        visitor.counts = [0] * len(counts)
        if visitor.basket:
            carry_over(visitor, now)
    else:
        visitor.first_ts = now
    visitor.sessions = min(MAX_COUNT, visitor.sessions + 1)
    visitor.start_ts = now
    visitor.in_session = visitor.dwell_ms = visitor.spend = visitor.cart_value = 0
    visitor.cart_ts = visitor.checkout_ts = visitor.hidden_model = visitor.hidden_at = 0
    visitor.cart = visitor.seen = visitor.pages = visitor.hidden = b""
    visitor.segment = ""
    fade(visitor, now)
    age(visitor, now)


def _erase(visitor: Visitor) -> list[Shared]:
    """Consent was refused: delete everything but counts, and the link to a user."""
    visitor.codes, visitor.categories = b"", {}
    visitor.price_weight = visitor.price_sum = visitor.total_spend = 0
    visitor.left_items = visitor.left_value = visitor.last_order = visitor.orders = visitor.purchase_ts = 0
    visitor.order_left = visitor.last_refund = visitor.rating_sum = visitor.rating_count = 0
    visitor.order_undone = False
    visitor.recent_orders = visitor.statements = visitor.bought = visitor.kept = b""
    visitor.basket, visitor.basket_ts = [], 0
    return erase(visitor)


def _count(visitor: Visitor, event: int, now: int, config: SessionConfig) -> int:
    """Counts the click, schedules the session's timer; returns the flag RATE at a rate beyond a person's."""
    counts = visitor.counts
    if counts[event] < MAX_COUNT:
        counts[event] += 1
    visitor.in_session += 1
    visitor.last_ts = now
    due = minute_of(now + config.gap_ms)
    if due < visitor.session_timer or not visitor.session_timer:
        visitor.session_timer = due
    minute = now // MINUTE_MS
    if minute != visitor.rate_minute:
        visitor.rate_minute, visitor.rate_count = minute, 1
    elif visitor.rate_count < MAX_COUNT:
        visitor.rate_count += 1
    return RATE if visitor.rate_count > config.max_clicks_per_minute else 0
