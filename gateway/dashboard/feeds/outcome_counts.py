"""What became of decisions and of recommendations, in windows."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from gateway.dashboard.feeds.seen_records import FollowedRow, RewardRow, reader
from gateway.dashboard.feeds.time_buckets import Name, TimeBuckets, Window
from trainer.policy_reports.feedback_report import Interval, Mean, share


class DecisionPlace(NamedTuple):
    """What a row of ended decisions is about."""

    placement: str
    policy: str
    action: str


class EndedDecisions(NamedTuple):
    """Figures of one row: reward records, outcomes by kind, cost, and the mean reward."""

    records: int
    had: dict[str, int]
    cost: float
    reward: Interval

    def rate(self, outcome: str) -> Interval:
        """The share of decisions with an outcome."""
        return share(self.had.get(outcome, 0), self.records)


class OutcomeTotals:
    """Records of `rewards` and `recommendation-outcomes`, by the time at which they were written."""

    def __init__(self) -> None:
        self._rewards = TimeBuckets(most_names=2_000)
        self._followed = TimeBuckets(most_names=500)
        self._read_rewards, self._read_followed = reader(RewardRow), reader(FollowedRow)

    def take_rewards(self, now: int, records: Sequence[Any]) -> None:
        """Count reward records."""
        for record, row in zip(records, self._read_rewards(records), strict=True):
            if row is not None:
                self._add(self._rewards, now, record.timestamp, _reward_amounts(row))

    def take_followed(self, now: int, records: Sequence[Any]) -> None:
        """Count recommendations with an outcome."""
        for record, row in zip(records, self._read_followed(records), strict=True):
            if row is not None:
                place: Name = (row.model_version or "unknown", row.rung or "unknown")
                amounts: dict[Name, float] = {
                    (*place, name): 1.0 for name in {one.event for one in row.outcomes}
                }
                self._add(self._followed, now, record.timestamp, {(*place, "records"): 1.0, **amounts})

    def decisions(self, window: Window) -> dict[DecisionPlace, EndedDecisions]:
        """Figures by placement, policy and action, of records that were written in a window."""
        found = _by_place(self._rewards.total(window), 3)
        return {DecisionPlace(*place): _ended(sums) for place, sums in sorted(found.items())}

    def recommendations(self, window: Window) -> dict[tuple[str, ...], dict[str, int]]:
        """Counts by model version and fallback tier."""
        found = _by_place(self._followed.total(window), 2)
        return {place: {name: int(n) for name, n in sums.items()} for place, sums in sorted(found.items())}

    @staticmethod
    def _add(to: TimeBuckets, now: int, at: int, amounts: dict[Name, float]) -> None:
        to.take(now, [at] * len(amounts), amounts.keys(), amounts.values())


def _reward_amounts(row: RewardRow) -> dict[Name, float]:
    place: Name = (row.placement, row.policy, row.action)
    sums = {"records": 1.0, "reward": row.reward, "squares": row.reward**2, "cost": row.parts.cost}
    sums |= {f"had {name}": 1.0 for name in {one.event for one in row.outcomes}}
    return {(*place, name): amount for name, amount in sums.items() if amount}


def _by_place(held: Counter[Name], parts: int) -> dict[tuple[str, ...], dict[str, float]]:
    found: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    for name, amount in held.items():
        if len(name) == parts + 1:
            found[name[:parts]][name[parts]] = amount
    return found


def _ended(sums: dict[str, float]) -> EndedDecisions:
    records, reward = int(sums.get("records", 0)), sums.get("reward", 0.0)
    mean = reward / records if records else 0.0
    spread = max(0.0, sums.get("squares", 0.0) - records * mean * mean)
    had = {name.removeprefix("had "): int(n) for name, n in sums.items() if name.startswith("had ")}
    return EndedDecisions(records, had, sums.get("cost", 0.0), Mean(records, mean, spread).interval)
