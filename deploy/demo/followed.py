"""The visitor that the demo follows: clicks with their answers, in order."""

from dataclasses import dataclass, field

import msgspec

#: Seconds of silence (wall clock) after which a path ends; fewer after a purchase.
SILENCE, SILENCE_AFTER_PURCHASE = 15.0, 6.0


class SeenClick(msgspec.Struct):
    """The parts of a click that the view shows."""

    event_id: str
    visitor_id: str
    ts: int
    event: str
    item_id: str | None = None
    price: float | None = None


@dataclass
class PathStep:
    """One click of the followed visitor, and its answers as they arrive."""

    click: SeenClick
    probability: float | None = None
    expected: bool = False


@dataclass
class Path:
    """The followed visitor."""

    visitor: str = ""
    steps: dict[str, PathStep] = field(default_factory=dict)
    items: list[tuple[str, float]] = field(default_factory=list)
    bought: bool = False
    changed: float = 0.0

    def probabilities(self) -> list[float]:
        """The known probabilities, in order."""
        return [step.probability for step in self.steps.values() if step.probability is not None]

    def over(self, now: float) -> bool:
        """Whether to follow another visitor."""
        return now - self.changed > (SILENCE_AFTER_PURCHASE if self.bought else SILENCE)
