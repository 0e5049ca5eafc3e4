"""Which tier there is time for: a deadline per chunk against measured costs."""

from dataclasses import dataclass, field

#: Weight of the newest measurement in the running mean.
_NEWEST = 0.2
#: A skipped tier's cost is forgotten by this factor per chunk, so that it is tried again.
_FORGET = 0.9


#: Smaller calls are taken to cost the same whatever their size: told by the click, the first call after a
#: start, of three clicks among much else, would forbid the next one of two thousand.
_SMALL = 64


@dataclass
class Cost:
    """Running means (s) of what any call takes at least, and each click on top; 0 before any is known."""

    call: float = 0.0
    per_click: float = 0.0

    def of(self, clicks: int) -> float:
        """Seconds that a call of `clicks` will take."""
        return self.call + clicks * self.per_click

    def measured(self, clicks: int, seconds: float) -> None:
        """A call of `clicks` took `seconds`."""
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
        """Learn what `tier` cost."""
        if clicks:
            self.costs.setdefault(tier, Cost()).measured(clicks, seconds)
