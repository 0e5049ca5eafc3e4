"""The long-term part of a device's record that is shared with the user's other devices."""

import msgspec

from models.state import event_counts
from models.state.traits import Traits


class Summary(msgspec.Struct, array_like=True, gc=False):
    """Summary of one device, or the sum of several; fields as in `models.state.visitor.Visitor`.

    In a device's own summary `totals` and `bought_sessions` include the running session.
    """

    sessions: int = 0
    bought_sessions: int = 0
    orders: int = 0
    total_spend: int = 0
    purchase_ts: int = 0
    totals: list[int] = msgspec.field(default_factory=event_counts.zeros)
    categories: dict[int, int] = {}
    price_weight: int = 0
    price_sum: int = 0
    profile_day: int = 0
    traits: Traits | None = None

    def __post_init__(self) -> None:
        event_counts.widen(self.totals)
