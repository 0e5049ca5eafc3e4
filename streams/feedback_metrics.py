"""The metrics of the feedback join, as a part of `streams.metrics.Metrics`."""

# ruff: noqa: RUF009 - `metric` makes a field of the dataclass, as `field` does

from dataclasses import dataclass

from prometheus_client import Counter

from streams.metric_fields import metric


@dataclass
class FeedbackMetrics:
    """Outcomes, and the ends of decisions and of followed recommendations."""

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
