"""Combines the answers of all heads, so that no published answer contradicts another.

Each head answers a conditional question: does the visitor buy within a day, given that this session does not;
which event comes next, given that the session does or does not buy. `combine` turns these and the calibrated
probability that the session buys into the published answers. Serving, evaluation, the gate and calibration
all call it. `docs/models/heads.md` defines the answers.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.contract.events import EVENT_CODES
from models.contract.head_table import KNOWN_STATES, LEAVE, HeadPart, Layout
from models.features.features import NAMES

#: Logit of an impossible class. Finite, so that 0 times it is 0.
_CLOSED: Final = -1e9
_CART, _BOUGHT = NAMES.index("cart_items"), NAMES.index("session_purchase")
_CHECKOUT, _ORDER = NAMES.index("since_checkout"), NAMES.index("since_purchase")
#: These columns, for kernels.
ORDER: Final = _CART, _BOUGHT, _CHECKOUT, _ORDER
#: The column that says that the click is a purchase.
PURCHASE: Final = NAMES.index(f"event={EVENT_CODES['purchase']}")
#: Heads of the next purchase and their days, the shortest first.
HORIZONS: Final = (("purchase_24h", 1.0), ("purchase_7d", 7.0))
Flags = NDArray[np.bool_]


def order_under_way(rows: NDArray[np.float32]) -> Flags:
    """Whether an order is under way [N]: the cart has items, or a checkout began after the latest purchase.

    `rows` are the clicks' feature rows [N, F], not normalised.
    """
    return np.asarray((rows[:, _CART] > 0) | (rows[:, _CHECKOUT] > rows[:, _ORDER]))


def has_purchase(rows: NDArray[np.float32]) -> Flags:
    """Whether the session has a purchase [N], this click included."""
    return np.asarray(rows[:, _BOUGHT] > 0)


def without_impossible_classes(layout: Layout, raw: Tensor, buys: Tensor) -> Tensor:
    """Raw outputs [N, layout.raw] without the classes that cannot occur.

    `buys` [N] is 1 where the session still buys, 0 where it does not, any other value where it is unknown
    or where the click is a purchase. A
    visitor who buys does not leave next, and one who does not buy does not purchase next. The states that
    `combine` derives from the session's past are excluded everywhere.
    """
    parts, closed = by_name(layout), torch.zeros_like(raw, dtype=torch.bool)
    if "intent_state" in parts:
        part = parts["intent_state"]
        closed[:, [part.raw.start + part.classes.index(name) for name in KNOWN_STATES]] = True
    if "next_event" in parts:
        part = parts["next_event"]
        closed[:, part.raw.start + part.classes.index(LEAVE)] = buys == 1
        closed[:, part.raw.start + part.classes.index("purchase")] = buys == 0
    return raw.masked_fill(closed, _CLOSED)


def combine(
    layout: Layout, said: Tensor, chance: Tensor, rows: NDArray[np.float32], churn_days: float
) -> Tensor:
    """Published answers [N, layout.answers] from the calibrated conditional answers `said` of that shape.

    `chance` [N] is the calibrated probability that the session still buys, `rows` [N, F] the clicks' feature
    rows. Rounding to any number of decimals keeps `chance` <= 24 hours <= 7 days.
    """
    parts, made = by_name(layout), said.clone()
    within = _hazards(parts, made, chance)
    for name in parts.keys() & {"cart_completion"}:
        made[:, parts[name].answers.start] = chance
    for name in parts.keys() & {"session_value"}:
        made[:, parts[name].answers.start] *= chance
    if "churn" in parts:
        _returns(made[:, parts["churn"].answers.start], chance, within, churn_days)
    if "next_event" in parts:
        _next_event(parts, made, chance, rows)
    if "intent_state" in parts:
        _state(parts["intent_state"], made, chance, rows)
    return made


def by_name(layout: Layout) -> dict[str, HeadPart]:
    """The heads of a version by name."""
    return {part.head.name: part for part in layout.parts}


def _hazards(parts: Mapping[str, HeadPart], made: Tensor, chance: Tensor) -> dict[float, Tensor]:
    """Probability of a purchase within each number of days: within the shorter time, or only after it."""
    within, sooner = {}, chance
    for name, days in HORIZONS:
        if name in parts:
            column = parts[name].answers.start
            sooner = (sooner + (1 - sooner) * made[:, column]).clamp(max=1)
            within[days] = made[:, column] = sooner
    return within


def _returns(churn: Tensor, chance: Tensor, within: Mapping[float, Tensor], churn_days: float) -> None:
    """Limit churn: a visitor who buys in a later session has come back."""
    for days, buys in within.items():
        if days <= churn_days:
            churn.copy_(torch.minimum(churn, 1 - (buys - chance)))


def _next_event(
    parts: Mapping[str, HeadPart], made: Tensor, chance: Tensor, rows: NDArray[np.float32]
) -> None:
    """Mix the next events of sessions that buy, which do not leave, and of others, which do not purchase.

    At a purchase `chance` is that of another order, while the next event may be a line of this one: there the
    distribution stays as it is.
    """
    part = parts["next_event"]
    share = made[:, part.answers]
    leave, purchase = part.classes.index(LEAVE), part.classes.index("purchase")
    rest = share.clone()
    rest[:, [leave, purchase]] = 0
    others = rest.sum(1)
    buying = chance / (others + share[:, purchase])
    going = (1 - chance) / (others + share[:, leave])
    rest *= (buying + going)[:, None]
    rest[:, leave] = share[:, leave] * going
    rest[:, purchase] = torch.minimum(share[:, purchase] * buying, chance)
    bought = torch.from_numpy(rows[:, PURCHASE] > 0).to(made.device)
    rest = torch.where(bought[:, None], share, rest)
    made[:, part.answers] = rest
    if "search_next" in parts:
        made[:, parts["search_next"].answers.start] = rest[:, part.classes.index("search")]


def _state(part: HeadPart, made: Tensor, chance: Tensor, rows: NDArray[np.float32]) -> None:
    """`ready_to_buy` gets the purchase probability; an order under way or made decides about the rest."""
    ready, waiting, done = (part.classes.index(name) for name in KNOWN_STATES)
    share = made[:, part.answers]
    share[:, [ready, waiting, done]] = 0
    under_way = torch.from_numpy(order_under_way(rows)).to(made.device)
    over = torch.from_numpy(has_purchase(rows)).to(made.device) & ~under_way
    share *= (~(under_way | over) / share.sum(1))[:, None]
    share[:, waiting], share[:, done] = under_way.to(share.dtype), over.to(share.dtype)
    share *= (1 - chance)[:, None]
    share[:, ready] = chance
