"""Transitions of a visitor by time alone: session end, churn mark, expiry, close of attribution windows.

Time is the partition's watermark in whole minutes, the grain of timers. So a visitor's state is the same
whether its timer fired at the end of a chunk or its next click came first.
"""

from typing import Final

import msgspec

from models.contract.events import EVENT_CODES
from models.durations import DAY_MS, MINUTE_MS
from models.feedback import recommended
from models.feedback.recommended import Recommended
from models.identity.linking import share, unlink
from models.state import exposure
from models.state.codes import EVENT_OFFSET, WIDTH
from models.state.exposure import Exposure, ExposureConfig
from models.state.facts import Churned, Ended, Expired, Facts, Transition, Visit
from models.state.visitor import KEPT_CODES, MAX_COUNT, StateError, Visitor

ADD_TO_CART: Final = EVENT_CODES["add_to_cart"]
BEGIN_CHECKOUT: Final = EVENT_CODES["begin_checkout"]
PURCHASE: Final = EVENT_CODES["purchase"]


class SessionConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Times in ms of event time. Raises StateError for values that contradict each other.

    `clock_ms`: how much the clocks of a visitor's devices and of servers may disagree.
    """

    gap_ms: int = 30 * MINUTE_MS
    max_session_ms: int = DAY_MS
    max_session_clicks: int = 10_000
    lateness_ms: int = 5 * MINUTE_MS
    clock_ms: int = 20 * MINUTE_MS
    max_clicks_per_minute: int = 120
    churn_ms: int = 30 * DAY_MS
    ttl_ms: int = 180 * DAY_MS
    exposure: ExposureConfig = ExposureConfig()

    def __post_init__(self) -> None:
        if not 0 < self.gap_ms <= self.churn_ms <= self.ttl_ms:
            times = f"gap_ms {self.gap_ms}, churn_ms {self.churn_ms}, ttl_ms {self.ttl_ms}"
            raise StateError(f"{times}: expected 0 < gap <= churn <= ttl; change one of them")
        if self.exposure.attribution_ms > self.ttl_ms:
            found = f"attribution_ms {self.exposure.attribution_ms} > ttl_ms {self.ttl_ms}"
            raise StateError(f"{found}: a decision must not outlive its visitor; lengthen ttl_ms")
        if not 0 < self.max_session_clicks <= MAX_COUNT:
            raise StateError(f"max_session_clicks {self.max_session_clicks}: expected 1 to {MAX_COUNT}")
        slack = min(self.lateness_ms, self.clock_ms)
        if self.max_session_ms <= 0 or slack < 0 or self.max_clicks_per_minute < 1:
            raise StateError(
                f"max_session_ms {self.max_session_ms}, lateness_ms {self.lateness_ms}, clock_ms "
                f"{self.clock_ms}, max_clicks_per_minute {self.max_clicks_per_minute}: expected > 0, >= 0, "
                ">= 0 and >= 1"
            )


def advance(
    visitor: Visitor | None, watermark: int, config: SessionConfig
) -> tuple[Visitor | None, list[Transition]]:
    """The visitor at `watermark`, None when it has expired, and what happened on the way.

    `advance(advance(v, a), b) == advance(v, b)` for `a <= b`, with the same transitions in all.
    """
    transitions: list[Transition] = []
    if visitor is None:
        return None, transitions
    transitions += _close(visitor, watermark, config)
    if watermark >= visitor.session_timer * MINUTE_MS and fire_session_timer(
        visitor, watermark, config, transitions
    ):
        return None, transitions
    return visitor, transitions


def fire_session_timer(
    visitor: Visitor, watermark: int, config: SessionConfig, transitions: list[Transition]
) -> bool:
    """The session's part of `advance`, from minute `visitor.session_timer` on; True when the visitor expired.

    Does not touch the exposure: within a chunk, decisions come after all session steps.
    """
    reached = watermark // MINUTE_MS * MINUTE_MS
    due = _session_due(visitor, config)
    while due <= reached:
        if not visitor.ended:
            transitions += (ended(visitor), *share(visitor))
            visitor.ended = True
            if visitor.forgets_hidden:
                visitor.hidden, visitor.hidden_model, visitor.hidden_at = b"", 0, 0
        elif not visitor.churned:
            transitions.append(Churned(visitor.last_ts))
            visitor.churned = True
        else:
            transitions += (*unlink(visitor), Expired(visitor.last_ts))
            return True
        due = _session_due(visitor, config)
    visitor.session_timer = minute_of(due)
    return False


def ended(visitor: Visitor) -> Ended:
    """The transition that ends the visitor's session."""
    counts = visitor.counts
    return Ended(
        visitor.last_ts,
        visitor.in_session,
        counts[ADD_TO_CART],
        counts[BEGIN_CHECKOUT],
        counts[PURCHASE],
        visitor.spend,
        visit(visitor),
    )


def visit(visitor: Visitor) -> Visit:
    """The visitor's session as it is now; the same when it ends and when it goes on after all."""
    counts = visitor.counts
    return Visit(
        visitor.segment,
        visitor.session_codes()[EVENT_OFFSET::WIDTH],
        visitor.in_session > KEPT_CODES,
        visitor.sessions > 1,
        counts[ADD_TO_CART],
        counts[BEGIN_CHECKOUT],
        counts[PURCHASE],
        visitor.cart_value,
    )


def close_expired(visitor: Visitor, facts: Facts, watermark: int, config: SessionConfig) -> list[Transition]:
    """Close expired attribution windows; reset the exposure for a new visitor, a new session or a refusal.

    Call it for every applied click, in record order, before its decision, with the step's `watermark`.
    """
    closed = _close(visitor, watermark, config)
    if facts.born or not facts.consent:
        closed += exposure.withdraw(visitor.exposure)
        visitor.exposure, visitor.exposure_timer, visitor.recommended = Exposure(), 0, Recommended()
    elif facts.fresh:
        exposure.session_started(visitor.exposure)
    return closed


def schedule_close(visitor: Visitor, ts: int, config: SessionConfig) -> None:
    """Schedule the close of a decision opened, or an outcome parked, at event time `ts`; call after each."""
    minute = minute_of(ts + config.exposure.attribution_ms)
    if not visitor.exposure_timer or minute < visitor.exposure_timer:
        visitor.exposure_timer = minute


def minute_of(due: int) -> int:
    """The first whole minute at or after `due`."""
    return -(-due // MINUTE_MS)


def _session_due(visitor: Visitor, config: SessionConfig) -> int:
    if not visitor.ended:
        return visitor.last_ts + config.gap_ms
    return visitor.last_ts + (config.ttl_ms if visitor.churned else config.churn_ms)


def _close(visitor: Visitor, watermark: int, config: SessionConfig) -> list[Transition]:
    if not visitor.exposure_timer or watermark < visitor.exposure_timer * MINUTE_MS:
        return []
    reached, window = watermark // MINUTE_MS * MINUTE_MS, config.exposure.attribution_ms
    closed: list[Transition] = [
        *exposure.close(visitor.exposure, reached, config.exposure),
        *recommended.close(visitor.recommended, reached, window),
    ]
    due = exposure.next_due(visitor.exposure, config.exposure)
    if visitor.recommended.followed:
        due = min(due, recommended.next_due(visitor.recommended, window))
    visitor.exposure_timer = minute_of(due) if due != exposure.NEVER else 0
    return closed
