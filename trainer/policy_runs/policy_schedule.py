"""Decides when a policy run or an update of a posterior is due."""

from dataclasses import dataclass

from models.durations import MINUTE_MS
from trainer.policy_runs.policy_run_settings import PolicyRunSettings

#: What a run is for: a new policy that passes the gate, or a serving bandit's posterior with newer rewards.
RUN, POSTERIOR = "run", "posterior"


@dataclass(frozen=True)
class PolicyMark:
    """The last run of a sort: its time (epoch ms), and how many rewards the log had taken in."""

    at: int
    rewards: int


@dataclass(frozen=True)
class PolicySchedule:
    """Intervals of runs; None disables one. `least` rewards must be in the log."""

    every_minutes: float | None
    every_rewards: int | None
    posterior_minutes: float | None
    least: int

    @classmethod
    def of(cls, settings: PolicyRunSettings) -> "PolicySchedule":
        """As the settings say."""
        return cls(
            settings.every_minutes,
            settings.every_rewards,
            settings.posterior_minutes,
            settings.least_rewards,
        )

    def due(self, run: PolicyMark, posterior: PolicyMark, now: int, rewards: int) -> tuple[str, str] | None:
        """What is due, and why; a run goes first. Time alone is no reason: there must be new rewards."""
        if rewards < self.least:
            return None
        reason = self._run(run, now, rewards)
        if reason is not None:
            return RUN, reason
        last = max(run, posterior, key=lambda mark: mark.at)
        if rewards > last.rewards and _over(self.posterior_minutes, last, now):
            return POSTERIOR, f"{rewards - last.rewards:,} new rewards"
        return None

    def _run(self, last: PolicyMark, now: int, rewards: int) -> str | None:
        new = rewards - last.rewards
        if self.every_rewards is not None and new >= self.every_rewards:
            return f"{new:,} new rewards"
        if new > 0 and _over(self.every_minutes, last, now):
            return f"{(now - last.at) / MINUTE_MS:,.0f} minutes since the last run"
        return None


def _over(minutes: float | None, last: PolicyMark, now: int) -> bool:
    return minutes is not None and now - last.at >= minutes * MINUTE_MS
