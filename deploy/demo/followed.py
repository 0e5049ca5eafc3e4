"""The visitor that the demo follows: clicks with their answers, one after the other."""

from dataclasses import dataclass, field

import msgspec

#: A path ends when its visitor has been silent for so long (s of the wall clock), or sooner after a purchase.
SILENCE, SILENCE_AFTER_PURCHASE = 15.0, 6.0


class SeenClick(msgspec.Struct):
    """Of a click, what the view shows."""

    event_id: str
    visitor_id: str
    ts: int
    event: str
    item_id: str | None = None
    price: float | None = None


@dataclass
class PathStep:
    """One click of the visitor that is followed, and its answers once they are there."""

    click: SeenClick
    probability: float | None = None
    expected: bool = False


@dataclass
class Path:
    """The visitor that is followed."""

    visitor: str = ""
    steps: dict[str, PathStep] = field(default_factory=dict)
    items: list[tuple[str, float]] = field(default_factory=list)
    bought: bool = False
    changed: float = 0.0

    def probabilities(self) -> list[float]:
        """Those that are known by now, in order."""
        return [step.probability for step in self.steps.values() if step.probability is not None]

    def over(self, now: float) -> bool:
        """Whether it is time to follow somebody else."""
        return now - self.changed > (SILENCE_AFTER_PURCHASE if self.bought else SILENCE)
