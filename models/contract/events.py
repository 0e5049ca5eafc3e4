"""What a shop sends: a click, its event types, and the reasons for refusing one.

Names are those of GA4 e-commerce, because producers already send them.
"""

from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from models.durations import DAY_MS, MINUTE_MS

EVENTS = (
    "page_view",
    "search",
    "view_item_list",
    "select_item",
    "view_item",
    "add_to_wishlist",
    "add_to_cart",
    "remove_from_cart",
    "begin_checkout",
    "add_payment_info",
    "purchase",
    "refund",
    "view_promotion",
    "select_promotion",
    "rate_item",
    "login",
)
#: An event's code in states and tensors; 0 is padding.
EVENT_CODES = {name: code for code, name in enumerate(EVENTS, start=1)}

#: Events that are a sign of interest in their items: a visitor looked at them, kept them, or bought them.
INTEREST = frozenset(("select_item", "view_item", "add_to_wishlist", "add_to_cart", "purchase"))

#: Event time lies in the years 2000 to 2099 (epoch ms): anything else is another unit or a broken clock.
TS_MIN = 946_684_800_000
TS_MAX = 4_102_444_800_000
ID_CHARS = 256
SCHEMA_VERSION = 1
BASKET_ITEMS = 50

#: What a visitor may do with what was shown: seen, followed, bought, rated (stars), closed or refused.
OutcomeName = Literal["shown", "clicked", "bought", "rated", "dismissed"]

if TYPE_CHECKING:
    EventName = str
else:
    EventName = Literal[EVENTS]

Id = Annotated[str, Meta(min_length=1, max_length=ID_CHARS)]
Text = Annotated[str, Meta(min_length=1, max_length=256)]
#: Long enough for an event id, a colon and a placement.
DecisionId = Annotated[str, Meta(min_length=1, max_length=2 * ID_CHARS)]
Query = Annotated[str, Meta(min_length=1, max_length=512)]
Page = Annotated[str, Meta(min_length=1, max_length=1024)]
Basket = Annotated[tuple[Text, ...], Meta(max_length=BASKET_ITEMS)]
Amount = Annotated[float, Meta(ge=0)]
Pieces = Annotated[int, Meta(ge=0)]
RESULTS_MOST = 1_000_000_000
Results = Annotated[int, Meta(ge=0, le=RESULTS_MOST)]
#: Aligned with a basket; None where the event does not say.
Amounts = Annotated[tuple[Amount | None, ...], Meta(max_length=BASKET_ITEMS)]
Counts = Annotated[tuple[Pieces | None, ...], Meta(max_length=BASKET_ITEMS)]
SchemaVersion = Annotated[int, Meta(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)]
EpochMs = Annotated[int, Meta(ge=TS_MIN, lt=TS_MAX)]


# Unknown fields are forbidden to the strict decoder only: bytes that have any go to
# `models.contract.normalise`, where they may turn out to be another name of a known field, or are left out.
class Click(msgspec.Struct, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One event of one visitor, normalised. Amounts are in `currency`; `ts` is event time in epoch ms.

    After decoding, `basket_prices` and `basket_quantities` are None or as long as `basket`.
    """

    event_id: Annotated[Id, Meta(description="Unique; a repeated one is answered by nothing.")]
    visitor_id: Annotated[Id, Meta(description="The browser or device; equals the record's key.")]
    ts: Annotated[EpochMs, Meta(description="Event time, epoch milliseconds.")]
    event: Annotated[EventName, Meta(description="What the visitor did, a GA4 e-commerce name.")]
    user_id: Annotated[Text | None, Meta(description="Known after login; joins devices.")] = None
    item_id: Annotated[Text | None, Meta(description="The item, a key of the topic `items`.")] = None
    category: Annotated[Text | None, Meta(description="The item's category; else the catalogue's.")] = None
    brand: Annotated[Text | None, Meta(description="The item's brand; else the catalogue's.")] = None
    price: Annotated[Amount | None, Meta(description="Unit price; else the catalogue's.")] = None
    currency: Annotated[Text | None, Meta(description="ISO 4217 code of all amounts.")] = None
    quantity: Annotated[Pieces | None, Meta(description="Pieces of the item.")] = None
    value: Annotated[Amount | None, Meta(description="Total value of the event.")] = None
    basket: Annotated[Basket | None, Meta(description="Further items of the same event.")] = None
    basket_prices: Annotated[Amounts | None, Meta(description="Unit prices of `basket`, in its order.")] = (
        None
    )
    basket_quantities: Annotated[Counts | None, Meta(description="Pieces of `basket`, in its order.")] = None
    query: Annotated[Query | None, Meta(description="Search words.")] = None
    page: Annotated[Page | None, Meta(description="Page address or path.")] = None
    promo_id: Annotated[Text | None, Meta(description="The promotion viewed or selected.")] = None
    decision_id: Annotated[DecisionId | None, Meta(description="The decision this is an outcome of.")] = None
    recommendation_id: Annotated[DecisionId | None, Meta(description="The recommendation followed.")] = None
    rating: Annotated[Amount | None, Meta(description="Stars given, with `rate_item`.")] = None
    transaction_id: Annotated[Text | None, Meta(description="The order bought or refunded.")] = None
    device: Annotated[Text | None, Meta(description="Device class, such as `mobile`.")] = None
    channel: Annotated[Text | None, Meta(description="How the visitor came, such as `organic`.")] = None
    country: Annotated[Text | None, Meta(description="The visitor's country.")] = None
    age_band: Annotated[Text | None, Meta(description="Such as `25-34`; read where consent is true.")] = None
    gender: Annotated[Text | None, Meta(description="Read where consent is true.")] = None
    region: Annotated[Text | None, Meta(description="Within the country; read where consent is true.")] = None
    consent: Annotated[bool | None, Meta(description="`false`: nothing is kept but counts.")] = None
    explain: Annotated[bool | None, Meta(description="`true`: answers say what moved them.")] = None
    outcome: Annotated[
        OutcomeName | None, Meta(description="What became of the decision; else the event says it.")
    ] = None
    result_count: Annotated[Results | None, Meta(description="How many results a search had.")] = None
    schema_version: Annotated[SchemaVersion, Meta(description="Version of this contract.")] = SCHEMA_VERSION
    #: Not on the wire: what was done to its fields, bits of DROPPED, CLIPPED, FILLED and BY_ARRIVAL.
    flags: Annotated[int, Meta(ge=0, le=0)] = 0


WIRE_FIELDS = tuple(name for name in Click.__struct_fields__ if name != "flags")
REQUIRED_FIELDS = ("event_id", "visitor_id", "ts", "event")
OPTIONAL_FIELDS = tuple(f for f in WIRE_FIELDS if f not in REQUIRED_FIELDS and f != "schema_version")
#: Bits of `Click.flags` by field: it could not be read; it was cut or clipped; the catalogue gave it.
_COUNT = len(OPTIONAL_FIELDS)
_FILLABLE = ("category", "brand", "price", "basket_prices")
DROPPED = {name: 1 << bit for bit, name in enumerate(OPTIONAL_FIELDS)}
CLIPPED = {name: 1 << _COUNT + bit for bit, name in enumerate(OPTIONAL_FIELDS)}
FILLED = {name: 1 << 2 * _COUNT + bit for bit, name in enumerate(_FILLABLE)}
#: The highest bit of `Click.flags`: its time is behind another clock, so that it counts by its arrival.
BY_ARRIVAL = {"ts": 1 << 62}


#: Events that are about an item.
ITEM_EVENTS = frozenset(
    (
        "select_item",
        "view_item",
        "add_to_wishlist",
        "add_to_cart",
        "remove_from_cart",
        "purchase",
        "rate_item",
    )
)


class Reason(StrEnum):
    """Why an input became a dead letter. `late` is found by the session step, all others by the decoder."""

    MALFORMED = "malformed"
    INVALID = "invalid"
    LATE = "late"
    SKEWED = "skewed"
    TOO_LARGE = "too_large"
    MISSING_KEY = "missing_key"
    KEY_MISMATCH = "key_mismatch"
    UNKNOWN_SCHEMA = "unknown_schema"


class Rejected(NamedTuple):
    """An input that becomes a dead letter; the message says what was found, expected, and what to do.

    `field` is the one at fault, empty where it is the whole. `passive` is the event's name where it says
    nothing of shopping.
    """

    reason: Reason
    message: str
    field: str = ""
    passive: str = ""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of accepted values. Amounts beyond them are clipped and flagged, not refused.

    Those of amounts are above any currency's prices; `AmountBounds` are a shop's own.
    `trust_original_time`: a record with an `original-time` header (a replay) may be of any age.
    `time_zone` is that of times without one.
    """

    max_event_bytes: int = 256 * 1024
    check_skew: bool = True
    trust_original_time: bool = True
    skew_future_ms: int = 10 * MINUTE_MS
    skew_past_ms: int = DAY_MS
    time_zone: str = "UTC"
    price_max: float = 1e10
    value_max: float = 1e12
    quantity_max: int = 1_000_000
    rating_max: float = 10.0


#: An amount is an outlier beyond this many times what the shop asks for its dearest items.
OUTLIER_FACTOR = 100
#: An event's value may be this many times a unit price's bound.
VALUE_FACTOR = 10


class AmountBounds(msgspec.Struct, frozen=True):
    """Bounds of amounts, learned from a shop's own prices, and carried by the model version.

    `prices` is the largest unit price by currency, `""` where events name none. Amounts in a currency that
    was not learned from have no bound but those of `Limits`.
    """

    prices: dict[str, float] = {}

    @property
    def least(self) -> float:
        """The smallest bound of any currency."""
        return min(self.prices.values(), default=inf)

    def price(self, currency: str | None) -> float:
        """The bound of unit prices in a currency."""
        return self.prices.get(currency or "", inf)


UNBOUNDED = AmountBounds()
