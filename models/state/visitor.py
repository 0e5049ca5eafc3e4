"""The record of a visitor: read and written once per chunk, bounded whatever the input.

Histories are packed bytes (`models.state.packed`), so that a full record decodes in microseconds. Amounts are
integers in thousandths of the currency; times are event time in epoch ms, 0 for never.
"""

import struct
from typing import Any, Final

import msgspec

from models.errors import PathcastError
from models.feedback.recommended import Recommended
from models.state import event_counts, exposure
from models.state.codes import WIDTH
from models.state.exposure import Exposure
from models.state.summary import Summary
from models.state.traits import Traits

VERSION: Final = 2
#: Differs in the exposure, which was not packed; it is still read.
FORMER_VERSION: Final = 1

KEPT_CODES: Final = 50
CODES_BYTES: Final = KEPT_CODES * WIDTH
IDS_BYTES: Final = 32 * 8
SEEN_BYTES: Final = 64 * 8
PAGES_BYTES: Final = 32 * 4
#: An earlier order, `orders.Order`.
ORDER: Final = struct.Struct("<QQ?H")
ORDERS_BYTES: Final = 16 * ORDER.size
STATEMENT_BYTES: Final = 4
STATEMENTS_BYTES: Final = 64 * STATEMENT_BYTES
BOUGHT_BYTES: Final = 64 * 8
HIDDEN_BYTES: Final = 2048
MAX_COUNT: Final = 65_535
MAX_AMOUNT: Final = (1 << 53) - 1


class StateError(PathcastError):
    """A visitor's record or a session setting that cannot be used."""


class Visitor(msgspec.Struct, array_like=True, gc=False):
    """One visitor. "Session" means the latest one, ended or not. The semantics are in `docs/state.md`.

    `codes` are the last 50 clicks' codes whatever the session, oldest first; `hidden` is the encoder's state
    (fp16) after the session's first `hidden_at` clicks, made by model version `hidden_model` (0: none).
    `order_left` is what the latest order came to, less its refunds; `recent_orders` are earlier ones and
    `statements` digests of what was said of them. `bought` are hashes of the last 64 items bought, oldest
    first. `last_refund` is no longer used. `rating_sum` is in thousandths of a star.
    `user_id` is the user that the visitor is logged in as (empty: none), `others` the sum of that user's
    other devices; `declared` is what the visitor's clicks say of the person, `given` what the topic
    `profiles` says. `session_timer` and `exposure_timer` are the epoch minutes at which the session and the
    exposure next have something due (0: nothing). `recommended` are the latest recommendations, `segment` is
    what the session's clicks say of device, channel and country (`visit_segment`). `kept` are lines that
    earlier sessions left in the cart, `basket` sums these and the cart's (`models.sessions.basket`);
    `basket_ts` is when either last changed.
    """

    version: int = VERSION
    first_ts: int = 0
    last_ts: int = 0
    ended: bool = False
    churned: bool = False
    denied: bool = False

    start_ts: int = 0
    in_session: int = 0
    counts: list[int] = msgspec.field(default_factory=event_counts.zeros)
    dwell_ms: int = 0
    cart_ts: int = 0
    checkout_ts: int = 0
    spend: int = 0
    cart_value: int = 0
    cart: bytes = b""
    seen: bytes = b""
    pages: bytes = b""

    sessions: int = 0
    bought_sessions: int = 0
    previous_end: int = 0
    left_items: int = 0
    left_value: int = 0
    totals: list[int] = msgspec.field(default_factory=event_counts.zeros)
    orders: int = 0
    last_order: int = 0
    purchase_ts: int = 0
    total_spend: int = 0

    categories: dict[int, int] = {}
    price_weight: int = 0
    price_sum: int = 0
    profile_day: int = 0

    rate_minute: int = 0
    rate_count: int = 0
    ids: bytes = b""
    codes: bytes = b""

    hidden: bytes = b""
    hidden_model: int = 0
    hidden_at: int = 0

    session_timer: int = 0
    exposure_timer: int = 0
    exposure: Exposure = msgspec.field(default_factory=Exposure)

    order_left: int = 0
    order_undone: bool = False
    last_refund: int = 0
    rating_sum: int = 0
    rating_count: int = 0
    user_id: str = ""
    linked_at: int = 0
    others: Summary | None = None
    declared: Traits | None = None
    given: Traits | None = None

    recent_orders: bytes = b""
    statements: bytes = b""
    bought: bytes = b""
    recommended: Recommended = msgspec.field(default_factory=Recommended)
    segment: str = ""

    kept: bytes = b""
    basket_ts: int = 0
    basket: list[int] = []

    def __post_init__(self) -> None:
        event_counts.widen(self.counts)
        event_counts.widen(self.totals)

    @property
    def distinct_items(self) -> int:
        """Distinct items of the session; 64 means 64 or more."""
        return len(self.seen) // 8

    @property
    def distinct_pages(self) -> int:
        """Distinct pages of the session; 32 means 32 or more."""
        return len(self.pages) // 4

    @property
    def cart_items(self) -> int:
        """Distinct items in the cart."""
        return len(self.cart) // WIDTH

    @property
    def timer(self) -> int:
        """Minute of the visitor's one live timer."""
        return min(self.session_timer, self.exposure_timer) if self.exposure_timer else self.session_timer

    @property
    def forgets_hidden(self) -> bool:
        """Whether the session has ended, and all of its codes are kept: most visitors never click again."""
        return self.ended and self.in_session <= KEPT_CODES

    def session_codes(self) -> bytes:
        """The session's codes, oldest first: at most the last 50."""
        return self.codes[-WIDTH * self.in_session :] if self.in_session else b""

    def remember(self, hidden: bytes, model: int) -> None:
        """Keeps the encoder's state after the session's latest click, unless consent was refused.

        Nor is it kept of an ended session that can be computed again from its codes.
        Raises StateError beyond 2,048 bytes (an encoder of more than 1,024 units).
        """
        if len(hidden) > HIDDEN_BYTES:
            raise StateError(
                f"hidden state of {len(hidden)} bytes, at most {HIDDEN_BYTES}: use a narrower encoder"
            )
        if not self.denied and not self.forgets_hidden:
            self.hidden, self.hidden_model, self.hidden_at = hidden, model, self.in_session


_EXPOSURE: Final = Visitor.__struct_fields__.index("exposure")
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Visitor)

encode = _encoder.encode


def decode(record: bytes) -> Visitor:
    """The visitor of a record. Raises StateError for another format and for damaged bytes."""
    try:
        visitor = _decoder.decode(record)
    except (msgspec.DecodeError, ValueError) as error:
        if _version(record) == FORMER_VERSION:
            return _upgraded(record)
        raise _unreadable(record, str(error)) from error
    if visitor.version != VERSION:
        raise _unreadable(record, "")
    return visitor


def _upgraded(record: bytes) -> Visitor:
    """The visitor of a record of the former format."""
    try:
        fields = msgspec.msgpack.decode(record)
        fields[0], fields[_EXPOSURE] = VERSION, exposure.packed(fields[_EXPOSURE])
        return msgspec.convert(fields, Visitor)
    except (msgspec.DecodeError, ValueError, TypeError, LookupError, struct.error) as error:
        raise _unreadable(record, str(error)) from error


def _version(record: bytes) -> Any:
    try:
        return msgspec.msgpack.decode(record)[0]
    except (msgspec.DecodeError, ValueError, TypeError, LookupError):
        return VERSION


def _unreadable(record: bytes, why: str) -> StateError:
    version = _version(record)
    if version in (FORMER_VERSION, VERSION):
        damaged = f"damaged visitor record {record[:24]!r}: {why}"
        return StateError(f"{damaged}; rebuild the state from the changelog")
    return StateError(
        f"visitor record of format {version!r}, this program reads {FORMER_VERSION} and {VERSION}: use the "
        "program that wrote it, or start with an empty state"
    )
