"""What became of decisions and recommendations, counted by what made them, with intervals.

Shares have Wilson intervals (Wilson 1927), means normal ones. Both take decisions as independent of each
other; those of one visitor are not, so that true intervals are somewhat wider.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import sqrt
from typing import Final, NamedTuple

from models.contract.events import OutcomeName
from models.contract.rewards import RecommendationOutcome, Reward

#: Two-sided 95%.
_Z: Final = 1.959963984540054


class Interval(NamedTuple):
    """An estimate with the ends of its interval; all None without a case."""

    value: float | None
    low: float | None = None
    high: float | None = None


class DecisionKey(NamedTuple):
    """What a row of decisions is about."""

    placement: str
    policy: str
    policy_version: str
    model_version: str
    action: str


class ListKey(NamedTuple):
    """What a row of recommendations is about."""

    model_version: str
    rung: str


def share(count: int, of: int) -> Interval:
    """A share with its Wilson interval."""
    if not of:
        return Interval(None)
    found, z2 = count / of, _Z * _Z
    middle = (found + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z / (1 + z2 / of) * sqrt(found * (1 - found) / of + z2 / (4 * of * of))
    return Interval(found, max(0.0, middle - half), min(1.0, middle + half))


@dataclass
class Mean:
    """A running mean (Welford 1962)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        """Count one more value."""
        self.count += 1
        step = value - self.mean
        self.mean += step / self.count
        self.squares += step * (value - self.mean)

    @property
    def interval(self) -> Interval:
        """The mean; its ends are None for fewer than two values."""
        if self.count < 2:
            return Interval(self.mean if self.count else None)
        half = _Z * sqrt(self.squares / (self.count - 1) / self.count)
        return Interval(self.mean, self.mean - half, self.mean + half)


@dataclass
class OutcomeCounts:
    """Counts of one row: cases, how many had each outcome, amounts, ratings, rewards, positions of clicks."""

    cases: int = 0
    evicted: int = 0
    had: dict[str, int] = field(default_factory=dict)
    value: Mean = field(default_factory=Mean)
    rating: Mean = field(default_factory=Mean)
    reward: Mean = field(default_factory=Mean)
    position: Mean = field(default_factory=Mean)

    def rate(self, outcome: OutcomeName) -> Interval:
        """The share of cases that had an outcome."""
        return share(self.had.get(outcome, 0), self.cases)

    def see(self, one: Reward | RecommendationOutcome) -> None:
        """Count a record."""
        self.cases += 1
        self.evicted += one.ended == "evicted"
        for name in {outcome.event for outcome in one.outcomes}:
            self.had[name] = self.had.get(name, 0) + 1
        self.value.add(sum(outcome.value for outcome in one.outcomes if outcome.event == "bought"))
        for outcome in one.outcomes:
            if outcome.event == "rated":
                self.rating.add(outcome.value)
            elif outcome.event == "clicked" and outcome.position:
                self.position.add(outcome.position)
        if isinstance(one, Reward):
            self.reward.add(one.reward)


@dataclass
class FeedbackReport:
    """All rows, by key."""

    decisions: dict[DecisionKey, OutcomeCounts] = field(default_factory=dict)
    recommendations: dict[ListKey, OutcomeCounts] = field(default_factory=dict)

    def take(self, records: Iterable[Reward | RecommendationOutcome]) -> None:
        """Count records."""
        for one in records:
            if isinstance(one, Reward):
                place = one.placement, one.policy, one.policy_version, one.model_version, one.action
                self.decisions.setdefault(DecisionKey(*place), OutcomeCounts()).see(one)
            else:
                key = ListKey(one.model_version, one.rung)
                self.recommendations.setdefault(key, OutcomeCounts()).see(one)
