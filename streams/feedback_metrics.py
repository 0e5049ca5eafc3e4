"""The metrics of the feedback join, of budgets and of experiments, as a part of `streams.metrics.Metrics`."""

# ruff: noqa: RUF009 - `metric` makes a field of the dataclass, as `field` does

from dataclasses import dataclass, field

from prometheus_client import Counter, Gauge

from streams.metric_fields import RecentLabels, metric

#: Arms, and flights by what their budget is for, that have samples: new ones keep coming.
ARMS_SHOWN = 64
FLIGHTS_SHOWN = 128


@dataclass
class FeedbackMetrics:
    """Outcomes, the ends of decisions and of followed recommendations, spend, and arms of experiments."""

    outcomes: Counter = metric(
        Counter,
        "pathcast_outcomes",
        "Outcomes by what they name, kind, and what became of them",
        "subject",
        "outcome",
        "fate",
    )
    decisions_ended: Counter = metric(
        Counter,
        "pathcast_decisions_ended",
        "Decisions by how they ended; `withdrawn`, `erased` and `missing` ones have no reward record",
        "ended",
    )
    recommendations_ended: Counter = metric(
        Counter,
        "pathcast_recommendations_ended",
        "Followed recommendations by how they ended; `unknown` and `erased` ones have no record",
        "ended",
    )
    decision_outcomes: Counter = metric(
        Counter,
        "pathcast_decision_outcomes",
        "Ended decisions (`made`) and their outcomes, by placement, policy and action",
        "placement",
        "policy",
        "action",
        "outcome",
    )
    decision_value: Counter = metric(
        Counter,
        "pathcast_decision_value",
        "Amounts of purchases that ended decisions led to, by placement, policy and action",
        "placement",
        "policy",
        "action",
    )
    budget_spend: Counter = metric(
        Counter,
        "pathcast_budget_spend",
        "Currency units spent, by flight and by what the budget is for (`flight`, `day`); the last 128",
        "flight",
        "budget",
    )
    experiment_decisions: Counter = metric(
        Counter,
        "pathcast_experiment_decisions",
        "Decisions by arm of an experiment, `none` included; the last 64 arms",
        "experiment",
        "arm",
    )
    experiment_rewarded: Counter = metric(
        Counter,
        "pathcast_experiment_rewarded_decisions",
        "Decisions that ended with a reward record, by arm of an experiment",
        "experiment",
        "arm",
    )
    experiment_reward: Gauge = metric(
        Gauge,
        "pathcast_experiment_reward",
        "Sum of these rewards since the worker started; divided by the arm's decisions, their mean reward",
        "experiment",
        "arm",
    )
    _arms: RecentLabels = field(default_factory=lambda: RecentLabels(ARMS_SHOWN), init=False)
    _flights: RecentLabels = field(default_factory=lambda: RecentLabels(FLIGHTS_SHOWN), init=False)

    def spent(self, account: str, amount: float) -> None:
        """Add currency units to the flight of an account."""
        flight, day, _ = account.partition("/")
        labels = flight, "day" if day else "flight"
        self.budget_spend.labels(*labels).inc(amount)
        self._flights.keep(labels, self.budget_spend)

    def decided_in(self, arm: tuple[str, str], decisions: int) -> None:
        """Count decisions of an arm, which is told with its experiment first."""
        self.experiment_decisions.labels(*arm).inc(decisions)
        self._keep(arm)

    def rewarded_in(self, arm: tuple[str, str], reward: float) -> None:
        """Add an ended decision of an arm."""
        self.experiment_rewarded.labels(*arm).inc()
        self.experiment_reward.labels(*arm).inc(reward)
        self._keep(arm)

    def _keep(self, arm: tuple[str, str]) -> None:
        self._arms.keep(arm, self.experiment_decisions, self.experiment_rewarded, self.experiment_reward)
