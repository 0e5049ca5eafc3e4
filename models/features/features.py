"""The inputs of a click: declared once, read in training and in serving by the same code.

Each feature is a name, an expression over the click, the visitor after its step and the step's facts, and the
kind of transform that its columns go through (`models.features.feature_kinds`). The expressions are compiled
into one function, because sixty calls a click would cost more than the network; what the click's code holds
already is read from it for a whole chunk.
"""

import hashlib
import math
import re
import struct
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.contract.events import EVENT_CODES, Click
from models.features.buckets import DAMAGE, QUERY_BUCKETS, Buckets, damage, words
from models.features.feature_kinds import Feature
from models.features.transforms import Transforms
from models.identity.joining import joined, traits_of
from models.state.facts import Facts
from models.state.traits import NONE
from models.state.visitor import COUNTERS, Visitor

#: One of the events of the contract.
_EVENT: Final = f"choice:{COUNTERS}"
#: Short names that expressions may use, and what they stand for; each is worked out once a click.
SHORT: Final = {
    "now": "visitor.last_ts",
    "code": "facts.code",
    "said": "fields(facts.code)",
    "counts": "visitor.counts",
    "past": "visitor if visitor.others is None else joined(visitor)",
    "totals": "past.totals",
    "liking": "sum(past.categories.values())",
    "taste": "past.categories",
    "alone": "visitor.given is None and visitor.others is None",
    "traits": "visitor.declared or NONE if alone else traits_of(visitor)",
}
#: What a name stands for that reads other devices, too, for `reads`.
_JOINED: Final = {
    "past": "visitor.others visitor.",
    "traits": "visitor.others visitor.declared visitor.given ",
}
#: Category hash and price bucket of a code.
_FIELDS: Final = struct.Struct("<8xI2xBx")
#: Rows of the network's table of prices by category; row 0 is "no category".
PRICE_ROWS: Final = 513


def _counts(prefix: str, source: str, *events: str) -> list[Feature]:
    return [Feature(f"{prefix}_{event}", f"{source}[{EVENT_CODES[event]}]", "log") for event in events]


# fmt: off
FEATURES: Final = (
    Feature("clicks", "facts.position", "log"),
    Feature("session_seconds", "(now - visitor.start_ts) / 1000", "log"),
    Feature("dwell_seconds", "facts.dwell_ms / 1000", "log"),
    Feature("mean_dwell_seconds", "visitor.dwell_ms / 1000 / facts.position", "log"),
    *_counts("session", "counts", "page_view", "search", "select_item", "view_item", "add_to_wishlist"),
    *_counts("session", "counts", "add_to_cart", "remove_from_cart", "begin_checkout", "add_payment_info"),
    *_counts("session", "counts", "purchase", "select_promotion", "login"),
    Feature("distinct_items", "visitor.distinct_items", "log"),
    Feature("distinct_pages", "visitor.distinct_pages", "log"),
    Feature("cart_items", "visitor.cart_items", "log"),
    Feature("cart_value", "visitor.cart_value / 1000", "log"),
    Feature("spend", "visitor.spend / 1000", "log"),
    Feature("since_cart", "now - visitor.cart_ts if visitor.cart_ts else -1", "ago"),
    Feature("since_checkout", "now - visitor.checkout_ts if visitor.checkout_ts else -1", "ago"),
    Feature("since_visit", "now - visitor.previous_end if visitor.previous_end else -1", "ago"),
    Feature("since_purchase", "now - past.purchase_ts if past.purchase_ts else -1", "ago"),
    Feature("sessions", "past.sessions", "log"),
    Feature("bought_sessions", "past.bought_sessions", "log"),
    Feature("orders", "past.orders", "log"),
    Feature("total_spend", "past.total_spend / 1000", "log"),
    Feature("left_items", "visitor.left_items", "log"),
    Feature("left_value", "visitor.left_value / 1000", "log"),
    *_counts("earlier", "totals", "search", "select_item", "view_item", "add_to_cart", "begin_checkout"),
    Feature("price", "nan if click.price is None else click.price", "log?"),
    Feature("price_position", f"kind(code['category'], {PRICE_ROWS})", f"index:{PRICE_ROWS}"),
    Feature("rating", "nan if click.rating is None else click.rating", "plain?"),
    Feature("ratings_given", "visitor.rating_count", "log"),
    Feature(
        "rating_mean",
        "visitor.rating_sum / 1000 / visitor.rating_count if visitor.rating_count else nan",
        "plain?",
    ),
    Feature("has_item", "click.item_id is not None", "plain"),
    Feature("mark", "code['flags'] >> 2", "bits:too_fast,amount_clipped,seen_item,in_cart"),
    Feature("damage", "click.flags and damage(click.flags)", f"bits:{','.join(DAMAGE)}"),
    Feature("liking", "liking / 256", "log"),
    Feature("liked_categories", "len(taste)", "plain"),
    Feature("liked_this", "taste.get(said[0], 0) / liking if liking else 0", "plain"),
    Feature(
        "price_above_liked",
        "said[1] - past.price_sum / past.price_weight if said[1] and past.price_weight else nan",
        "plain?",
    ),
    Feature("event", "code['event']", _EVENT),
    Feature("previous_event", "facts.previous", _EVENT),
    Feature("hour", "now", "cycle:86400000"),
    Feature("weekday", "now", "cycle:604800000"),
    Feature("device", "of4[click.device]", "choice:4"),
    Feature("channel", "of8[click.channel]", "choice:8"),
    Feature("country", "of64[click.country]", "choice:64"),
    Feature("category", "kind(code['category'], 16)", "choice:16"),
    Feature("brand", "of16[click.brand]", "choice:16"),
    Feature("age_band", "traits.age and 1 + traits.age % 7", "choice:8"),
    Feature("gender", "traits.gender and 1 + traits.gender % 3", "choice:4"),
    Feature("region", "traits.region and 1 + traits.region % 15", "choice:16"),
    Feature("interests", "len(traits.interests)", "log"),
    Feature("interest_this", "traits.interests.get(said[0], 0) / 1000", "plain"),
    Feature("query", "words(click.query) if click.query else 0", f"bits:{QUERY_BUCKETS}"),
)
# fmt: on

#: Changes whenever a definition does: a model made for another one is refused.
FEATURES_VERSION: Final = hashlib.sha256(repr((FEATURES, SHORT)).encode()).hexdigest()[:12]


def reads(feature: Feature) -> frozenset[str]:
    """What a feature is made of, such as `click.price` or `visitor.cart_value`."""
    text = feature.expression
    for name, meaning in SHORT.items():
        if name not in _JOINED:
            text = re.sub(rf"\b{name}\b", f"({meaning})", text)
    for name, meaning in _JOINED.items():
        text = re.sub(rf"\b{name}\.", meaning, text)
    return frozenset(re.findall(r"\b(?:click|visitor|facts)\.\w+", text))


def _compiled() -> Callable[[Visitor, Click, Facts], bytes]:
    values = ", ".join(feature.expression for feature in _transforms.values)
    short = "".join(f" {name} = {meaning}\n" for name, meaning in SHORT.items())
    names: dict[str, Any] = {"words": words, "damage": damage, "nan": math.nan, "fields": _FIELDS.unpack}
    names |= {"joined": joined, "traits_of": traits_of, "NONE": NONE}
    names |= {f"of{size}": Buckets(size) for size in (4, 8, 16, 64)}
    names["pack"] = struct.Struct(f"<{len(_transforms.values)}d16s").pack
    exec(f"def row(visitor, click, facts):\n{short} return pack({values}, code)\n", names)
    made: Callable[[Visitor, Click, Facts], bytes] = names["row"]
    return made


_transforms: Final = Transforms(FEATURES)
#: Features by their place among the values of a packed row, which the click's code follows.
PACKED: Final = tuple(_transforms.values)
#: `row(visitor, click, facts) -> bytes`: raw values of one applied click and its code; for `matrix`.
row: Final = _compiled()
#: `matrix(rows) -> float32 [N, len(NAMES)]` of N packed rows; always finite.
matrix: Final = _transforms.__call__
#: Names of the columns of `matrix`.
NAMES: Final = _transforms.names
#: Numbers of the columns of each feature, and what stands in the columns where its value is missing.
COLUMNS: Final = {feature.name: np.array(_transforms.columns()[feature.name]) for feature in FEATURES}
MISSING: Final = _transforms.missing()
#: The column of `price_position`, and those of the price that it is about.
POSITION: Final = NAMES.index("price_position")
PRICE, PRICE_MISSING = NAMES.index("price"), NAMES.index("price_missing")
_STAGES: Final = [NAMES.index(f"session_{event}") for event in ("add_to_cart", "begin_checkout", "purchase")]


def stages(rows: NDArray[np.float32]) -> NDArray[np.uint8]:
    """How far each session got `[N]`: 0 looked, 1 put in the cart, 2 began the checkout, 3 bought."""
    reached = rows[:, _STAGES] > 0
    stage: NDArray[np.uint8] = (reached * np.array([1, 2, 3], dtype=np.uint8)).max(1)
    return stage
