"""Which rung there is time for: a deadline per chunk against measured costs per click."""

from dataclasses import dataclass, field

#: Weight of the newest measurement in the running mean.
_NEWEST = 0.2
#: A skipped rung's cost is forgotten by this factor per chunk, so that it is tried again.
_FORGET = 0.9


@dataclass
class Cost:
    """Running mean of a rung's seconds per click; none is assumed before the first measurement."""

    per_click: float = 0.0

    def measured(self, clicks: int, seconds: float) -> None:
        """A chunk of `clicks` took `seconds`."""
        newest = seconds / clicks
        self.per_click += (_NEWEST if self.per_click else 1.0) * (newest - self.per_click)

    def forget(self) -> None:
        """The rung was skipped: its cost may have fallen since it was measured."""
        self.per_click *= _FORGET


@dataclass
class Deadline:
    """Allows a rung while the time since the fetch plus what the rung will cost stays within `seconds`."""

    seconds: float
    costs: dict[str, Cost] = field(default_factory=dict)

    def allows(self, rung: str, clicks: int, spent: float) -> bool:
        """Whether `rung` can answer `clicks` when `spent` seconds have passed since they were fetched."""
        cost = self.costs.setdefault(rung, Cost())
        fits = spent + clicks * cost.per_click <= self.seconds
        if not fits:
            cost.forget()
        return fits

    def measured(self, rung: str, clicks: int, seconds: float) -> None:
        """Learn what `rung` cost."""
        if clicks:
            self.costs.setdefault(rung, Cost()).measured(clicks, seconds)
