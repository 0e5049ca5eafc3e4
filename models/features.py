"""The feature row of a click: declared once, read in training and in serving by the same code.

Each feature is a name, an expression over the click, the visitor after its step and the step's facts, and the
kind of transform that its column goes through. The expressions are compiled into one function, because forty
calls a click would cost more than the network; the transforms run once per chunk over whole columns.
"""

import hashlib
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from models.events import EVENT_CODES, Click
from models.facts import Facts
from models.visitor import Visitor


class Feature(NamedTuple):
    """`kind`: `plain`, `log` (log1p), `ago` (ms since; < 0: never), `cycle:ms` or `choice:n` (one of n)."""

    name: str
    expression: str
    kind: str


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
    Feature("since_purchase", "now - visitor.purchase_ts if visitor.purchase_ts else -1", "ago"),
    Feature("sessions", "visitor.sessions", "log"),
    Feature("bought_sessions", "visitor.bought_sessions", "log"),
    Feature("orders", "visitor.orders", "log"),
    Feature("total_spend", "visitor.total_spend / 1000", "log"),
    Feature("left_items", "visitor.left_items", "log"),
    Feature("left_value", "visitor.left_value / 1000", "log"),
    *_counts("earlier", "totals", "search", "select_item", "view_item", "add_to_cart", "begin_checkout"),
    Feature("price", "click.price or 0", "log"),
    Feature("has_item", "click.item_id is not None", "plain"),
    Feature("seen_item", "facts.flags >> 4 & 1", "plain"),
    Feature("in_cart", "facts.flags >> 5 & 1", "plain"),
    Feature("too_fast", "facts.flags >> 2 & 1", "plain"),
    Feature("event", "facts.event", "choice:17"),
    Feature("previous_event", "facts.previous", "choice:17"),
    Feature("hour", "now", "cycle:86400000"),
    Feature("weekday", "now", "cycle:604800000"),
    Feature("device", "one_of(click.device, 4)", "choice:4"),
    Feature("channel", "one_of(click.channel, 8)", "choice:8"),
    Feature("country", "one_of(click.country, 64)", "choice:64"),
)
# fmt: on

#: Features by their place among the values of a packed row.
PACKED: Final = FEATURES

#: Changes whenever a definition does: a model made for another one is refused.
FEATURES_VERSION: Final = hashlib.sha256(repr(FEATURES).encode()).hexdigest()[:12]


@lru_cache(maxsize=1 << 14)
def one_of(text: str | None, buckets: int) -> int:
    """A hashed bucket 1..buckets-1 of a text whatever its case, 0 for none."""
    return 1 + xxhash.xxh3_64_intdigest(text.lower().encode()) % (buckets - 1) if text else 0


def _compiled() -> Callable[[Visitor, Click, Facts], bytes]:
    values = ", ".join(feature.expression for feature in FEATURES)
    source = (
        "def row(visitor, click, facts):\n now, counts, totals = click.ts, visitor.counts, visitor.totals\n"
    )
    names = {"one_of": one_of, "pack": struct.Struct(f"<{len(FEATURES)}d").pack}
    exec(f"{source} return pack({values})\n", names)
    made: Callable[[Visitor, Click, Facts], bytes] = names["row"]  # type: ignore[assignment]
    return made


#: `row(visitor, click, facts) -> bytes`: raw values of one applied click, packed as float64; for `matrix`.
row: Final = _compiled()


def _places(kind: str) -> NDArray[np.int64]:
    kinds = [feature.kind.partition(":")[0] for feature in FEATURES]
    return np.flatnonzero(np.array(kinds) == kind)


_PLAIN, _LOG, _AGO, _CYCLE, _CHOICE = map(_places, ("plain", "log", "ago", "cycle", "choice"))
_PERIODS: Final = np.array([float(FEATURES[place].kind.partition(":")[2]) for place in _CYCLE])
_SIZES: Final = [int(FEATURES[place].kind.partition(":")[2]) for place in _CHOICE]


def _named() -> tuple[str, ...]:
    simple = [FEATURES[place].name for place in (*_PLAIN, *_LOG, *_AGO)]
    cycles = [f"{FEATURES[place].name}_{part}" for part in ("sin", "cos") for place in _CYCLE]
    choices = zip(_CHOICE, _SIZES, strict=True)
    chosen = [f"{FEATURES[place].name}={n}" for place, size in choices for n in range(size)]
    return (*simple, *cycles, *chosen)


#: Names of the columns of `matrix`.
NAMES: Final = _named()
_STAGES: Final = [NAMES.index(f"session_{event}") for event in ("add_to_cart", "begin_checkout", "purchase")]
_LARGEST: Final = 50.0
_SIMPLE: Final = len(_PLAIN), len(_PLAIN) + len(_LOG), len(_PLAIN) + len(_LOG) + len(_AGO)
_SIN, _COS, _ONE_HOT = _SIMPLE[2], _SIMPLE[2] + len(_CYCLE), _SIMPLE[2] + 2 * len(_CYCLE)
#: First column and last value of each choice.
_FIRST: Final = _ONE_HOT + np.concatenate([[0], np.cumsum(_SIZES)[:-1]]).astype(np.int64)
_LAST: Final = np.array(_SIZES) - 1


def matrix(rows: bytes) -> NDArray[np.float32]:
    """Transformed features float32 `[N, len(NAMES)]` of N packed rows; always finite.

    Every transform is one call over its columns: a live chunk has a few clicks, and calls are what it costs.
    """
    raw = np.frombuffer(rows, dtype="<f8").reshape(-1, len(FEATURES))
    made = np.zeros((len(raw), len(NAMES)), dtype=np.float32)
    plain, log, ago = _SIMPLE
    made[:, :plain] = raw[:, _PLAIN]
    made[:, plain:log] = np.log1p(np.maximum(raw[:, _LOG], 0))
    # 1 for just now, falling with the logarithm of the seconds; 0 for never.
    since = raw[:, _AGO]
    made[:, log:ago] = np.where(since < 0, 0, 1 / (1 + np.log1p(np.maximum(since, 0) / 1000)))
    angles = raw[:, _CYCLE] / _PERIODS % 1 * 2 * np.pi
    made[:, _SIN:_COS], made[:, _COS:_ONE_HOT] = np.sin(angles), np.cos(angles)
    chosen = _FIRST + np.clip(raw[:, _CHOICE], 0, _LAST).astype(np.int64)
    made[np.arange(len(raw))[:, None], chosen] = 1
    return np.clip(np.nan_to_num(made, copy=False), -_LARGEST, _LARGEST, out=made)


def stages(rows: NDArray[np.float32]) -> NDArray[np.uint8]:
    """How far each session got `[N]`: 0 looked, 1 put in the cart, 2 began the checkout, 3 bought."""
    reached = rows[:, _STAGES] > 0
    stage: NDArray[np.uint8] = (reached * np.array([1, 2, 3], dtype=np.uint8)).max(1)
    return stage
