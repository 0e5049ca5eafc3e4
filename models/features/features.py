"""The features of a click, declared once; training and serving compute them by the same code.

Each feature has a name, the kind of its values (`models.features.feature_kinds`) and a function: of the
click, its visitor after the step and the step's facts (`ClickFeature`), or of the codes of a whole chunk
(`CodeFeature`). `row` fuses the functions of all click features into one (`models.features.fusing`), because
sixty calls a click would cost more than the network.
"""

import ast
import hashlib
import struct
from collections.abc import Callable, Iterable
from math import nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.contract.events import EVENT_CODES
from models.durations import DAY_MS
from models.features.buckets import DAMAGE, QUERY_BUCKETS, Buckets, damage_bits, query_bits
from models.features.feature_inputs import FeatureInputs
from models.features.feature_kinds import ClickFeature, CodeFeature, Feature, hash_row
from models.features.fusing import Expressions, RowFunction, fused
from models.features.transforms import Transforms
from models.state.cart import LEAST, LINES, MOST, PIECES, PRICED, PRICES, VALUE
from models.state.event_counts import COUNTERS

#: One of the events of the contract.
_EVENT: Final = f"choice:{COUNTERS}"
_DAMAGE: Final = f"bits:{','.join(DAMAGE)}"
_QUERY: Final = f"bits:{QUERY_BUCKETS}"
#: Rows of the network's table of prices by category; row 0 is "no category".
PRICE_ROWS: Final = 513
_OF4, _OF8, _OF16, _OF64 = map(Buckets, (4, 8, 16, 64))


def _since(now: int, then: int) -> int:
    return now - then if then else -1


def _mean(total: float, count: int) -> float:
    return total / count if count else nan


def _above(bucket: int, total: int, weight: int) -> float:
    return bucket - total / weight if bucket and weight else nan


def _counts(prefix: str, counts: Callable[[FeatureInputs], list[int]], *events: str) -> list[ClickFeature]:
    return [_count(f"{prefix}_{event}", counts, EVENT_CODES[event]) for event in events]


def _count(name: str, counts: Callable[[FeatureInputs], list[int]], event: int) -> ClickFeature:
    return ClickFeature(name, "log", lambda at: counts(at)[event])


# fmt: off
FEATURES: Final[tuple[Feature, ...]] = (
    ClickFeature("clicks", "log", lambda at: at.facts.position),
    ClickFeature("session_seconds", "log", lambda at: (at.now - at.visitor.start_ts) / 1000),
    ClickFeature("dwell_seconds", "log", lambda at: at.facts.dwell_ms / 1000),
    ClickFeature("mean_dwell_seconds", "log", lambda at: at.visitor.dwell_ms / 1000 / at.facts.position),
    *_counts("session", lambda at: at.counts, "page_view", "search", "select_item", "view_item"),
    *_counts("session", lambda at: at.counts, "add_to_wishlist", "add_to_cart", "remove_from_cart"),
    *_counts("session", lambda at: at.counts, "begin_checkout", "add_payment_info", "purchase"),
    *_counts("session", lambda at: at.counts, "select_promotion", "login"),
    ClickFeature("distinct_items", "log", lambda at: at.visitor.distinct_items),
    ClickFeature("distinct_pages", "log", lambda at: at.visitor.distinct_pages),
    ClickFeature("cart_items", "log", lambda at: at.visitor.cart_items),
    ClickFeature("cart_value", "log", lambda at: at.visitor.cart_value / 1000),
    ClickFeature("spend", "log", lambda at: at.visitor.spend / 1000),
    ClickFeature("since_cart", "ago", lambda at: _since(at.now, at.visitor.cart_ts)),
    ClickFeature("since_checkout", "ago", lambda at: _since(at.now, at.visitor.checkout_ts)),
    ClickFeature("since_visit", "ago", lambda at: _since(at.now, at.visitor.previous_end)),
    ClickFeature("since_purchase", "ago", lambda at: _since(at.now, at.past.purchase_ts)),
    ClickFeature("sessions", "log", lambda at: at.past.sessions),
    ClickFeature("bought_sessions", "log", lambda at: at.past.bought_sessions),
    ClickFeature("orders", "log", lambda at: at.past.orders),
    ClickFeature("total_spend", "log", lambda at: at.past.total_spend / 1000),
    ClickFeature("left_items", "log", lambda at: at.visitor.left_items),
    ClickFeature("left_value", "log", lambda at: at.visitor.left_value / 1000),
    ClickFeature("basket_lines", "log", lambda at: at.basket[LINES]),
    ClickFeature("basket_pieces", "log", lambda at: at.basket[PIECES]),
    ClickFeature("basket_value", "log", lambda at: at.basket[VALUE] / 1000),
    ClickFeature("basket_price", "log", lambda at: at.basket[PRICES] / 1000 / (at.basket[PRICED] or 1)),
    ClickFeature("basket_least", "log", lambda at: at.basket[LEAST] / 1000),
    ClickFeature("basket_most", "log", lambda at: at.basket[MOST] / 1000),
    ClickFeature("since_basket", "ago", lambda at: _since(at.now, at.visitor.basket_ts)),
    *_counts("earlier", lambda at: at.totals, "search", "select_item", "view_item", "add_to_cart"),
    *_counts("earlier", lambda at: at.totals, "begin_checkout"),
    ClickFeature("price", "log?", lambda at: nan if at.click.price is None else at.click.price),
    CodeFeature("price_position", f"index:{PRICE_ROWS}", lambda code: hash_row(code["category"], PRICE_ROWS)),
    ClickFeature("rating", "plain?", lambda at: nan if at.click.rating is None else at.click.rating),
    ClickFeature("ratings_given", "log", lambda at: at.visitor.rating_count),
    ClickFeature(
        "rating_mean", "plain?", lambda at: _mean(at.visitor.rating_sum / 1000, at.visitor.rating_count)
    ),
    ClickFeature("has_item", "plain", lambda at: at.click.item_id is not None),
    CodeFeature("mark", "bits:too_fast,amount_clipped,seen_item,in_cart", lambda code: code["flags"] >> 2),
    ClickFeature("damage", _DAMAGE, lambda at: at.click.flags and damage_bits(at.click.flags)),
    ClickFeature("liking", "log", lambda at: at.liking / 256),
    ClickFeature("liked_categories", "plain", lambda at: len(at.liked)),
    ClickFeature(
        "liked_this", "plain", lambda at: at.liked.get(at.category, 0) / at.liking if at.liking else 0
    ),
    ClickFeature(
        "price_above_liked",
        "plain?",
        lambda at: _above(at.price_bucket, at.past.price_sum, at.past.price_weight),
    ),
    CodeFeature("event", _EVENT, lambda code: code["event"]),
    ClickFeature("previous_event", _EVENT, lambda at: at.facts.previous),
    ClickFeature("hour", f"cycle:{DAY_MS}", lambda at: at.now),
    ClickFeature("weekday", f"cycle:{7 * DAY_MS}", lambda at: at.now),
    ClickFeature("device", "choice:4", lambda at: _OF4[at.click.device]),
    ClickFeature("channel", "choice:8", lambda at: _OF8[at.click.channel]),
    ClickFeature("country", "choice:64", lambda at: _OF64[at.click.country]),
    CodeFeature("category", "choice:16", lambda code: hash_row(code["category"], 16)),
    ClickFeature("brand", "choice:16", lambda at: _OF16[at.click.brand]),
    ClickFeature("age_band", "choice:8", lambda at: at.traits.age and 1 + at.traits.age % 7),
    ClickFeature("gender", "choice:4", lambda at: at.traits.gender and 1 + at.traits.gender % 3),
    ClickFeature("region", "choice:16", lambda at: at.traits.region and 1 + at.traits.region % 15),
    ClickFeature("interests", "log", lambda at: len(at.traits.interests)),
    ClickFeature("interest_this", "plain", lambda at: at.traits.interests.get(at.category, 0) / 1000),
    ClickFeature("query", _QUERY, lambda at: query_bits(at.click.query) if at.click.query else 0),
)
# fmt: on


def digest(features: Iterable[Feature]) -> str:
    """Twelve digits that change with each definition, and with each shared value that one reads."""
    expressions, lines, shared = Expressions(), list[str](), dict[str, ast.expr]()
    for feature in features:
        tree = expressions.tree(feature.function)
        lines.append(f"{feature.name} {feature.kind} {ast.unparse(tree)}")
        shared |= expressions.shared(tree)
    lines += [f"{name} = {ast.unparse(tree)}" for name, tree in sorted(shared.items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


#: Changes with each definition; a model that was trained for another version is refused.
FEATURES_VERSION: Final = digest(FEATURES)


def reads(feature: Feature) -> frozenset[str]:
    """The fields that a feature reads, such as `click.price` or `visitor.cart_value`."""
    if isinstance(feature, CodeFeature):
        return frozenset(["facts.code"])
    expressions = Expressions()
    return frozenset(expressions.reads(expressions.tree(feature.function)))


_transforms: Final = Transforms(FEATURES)
#: Click features in the order of a packed row; the click's code follows them.
PACKED: Final = tuple(_transforms.values)
#: Packs the values of a row and the click's code.
PACK: Final = struct.Struct(f"<{len(PACKED)}d16s").pack
#: `row(visitor, click, facts) -> bytes`: values of one applied click, then its code; the input of `matrix`.
row: Final[RowFunction] = fused([feature.function for feature in PACKED], PACK)
#: `matrix(rows) -> float32 [N, len(NAMES)]` of N packed rows; always finite.
matrix: Final = _transforms.__call__
#: Names of the columns of `matrix`.
NAMES: Final = _transforms.names
#: Column numbers of each feature.
COLUMNS: Final = {feature.name: np.array(_transforms.columns()[feature.name]) for feature in FEATURES}
#: `missing() -> float32 [len(NAMES)]`: the columns of a click of which nothing is known.
missing: Final = _transforms.missing
#: The column of `price_position`, and the two columns of the price.
POSITION: Final = NAMES.index("price_position")
PRICE, PRICE_MISSING = NAMES.index("price"), NAMES.index("price_missing")
_STAGES: Final = [NAMES.index(f"session_{event}") for event in ("add_to_cart", "begin_checkout", "purchase")]


def stages(rows: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Furthest stage of each session `[N]`: 0 viewed, 1 added to cart, 2 began checkout, 3 purchased."""
    reached = rows[:, _STAGES] > 0
    stage: NDArray[np.uint8] = (reached * np.array([1, 2, 3], dtype=np.uint8)).max(1)
    return stage
