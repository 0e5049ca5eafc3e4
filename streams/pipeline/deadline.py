"""Which fallback tier fits the deadline of a chunk, by measured costs."""

from dataclasses import dataclass, field

#: Weight of the newest measurement in the running mean.
_NEWEST = 0.2
#: A skipped tier's measured cost shrinks by this factor per chunk, so that the tier is tried again.
_FORGET = 0.9


#: Calls of fewer clicks count as fixed cost. Otherwise the first call after a start, slow and of three
#: clicks, would give a cost per click that forbids the next call of two thousand.
_SMALL = 64


@dataclass
class Cost:
    """Running means in seconds: fixed cost of a call, and cost of each click; 0 before a measurement."""

    call: float = 0.0
    per_click: float = 0.0

    def of(self, clicks: int) -> float:
        """Expected seconds of a call with `clicks` clicks."""
        return self.call + clicks * self.per_click

    def measured(self, clicks: int, seconds: float) -> None:
        """Learn that a call of `clicks` clicks took `seconds`."""
        if clicks < _SMALL:
            self.call = _mean(self.call, seconds)
        else:
            self.per_click = _mean(self.per_click, max(0.0, seconds - self.call) / clicks)

    def forget(self) -> None:
        """The tier was skipped: its cost may have fallen since it was measured."""
        self.call *= _FORGET
        self.per_click *= _FORGET


def _mean(known: float, newest: float) -> float:
    return known + (_NEWEST if known else 1.0) * (newest - known)


@dataclass
class Deadline:
    """Allows a tier while the time since the fetch plus what the tier will cost stays within `seconds`."""

    seconds: float
    costs: dict[str, Cost] = field(default_factory=dict)

    def allows(self, tier: str, clicks: int, spent: float) -> bool:
        """Whether `tier` can answer `clicks` when `spent` seconds have passed since they were fetched."""
        cost = self.costs.setdefault(tier, Cost())
        fits = spent + cost.of(clicks) <= self.seconds
        if not fits:
            cost.forget()
        return fits

    def measured(self, tier: str, clicks: int, seconds: float) -> None:
        """Learn that `tier` took `seconds` for `clicks` clicks."""
        if clicks:
            self.costs.setdefault(tier, Cost()).measured(clicks, seconds)
