"""The worker's Prometheus metrics, served at `/metrics`; a new one is a field of `Metrics` and its use."""

# ruff: noqa: RUF009 - `_metric` makes a field of the dataclass, as `field` does

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import nan
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from models.decisions import withholding
from models.registry.refusals import Refusal
from streams.feedback_metrics import FeedbackMetrics
from streams.metric_fields import TIMINGS
from streams.metric_fields import metric as _metric
from streams.renamed_metrics import FormerName, FormerNames
from streams.rollout_metrics import RolloutMetrics

#: The label of a version where the fallback chain answers without a model.
NO_MODEL = "none"

_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass
class Metrics(FeedbackMetrics, RolloutMetrics):
    """One worker's metrics, in a registry of their own so that tests can have several.

    A metric is one field: its kind, name, help text and labels. Prometheus appends `_total` to counters.
    """

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    events: Counter = _metric(Counter, "pathcast_events", "Clicks answered")
    chunk: Histogram = _metric(Histogram, "pathcast_chunk_records", "Records per transaction", buckets=_SIZES)
    stage: Histogram = _metric(
        Histogram, "pathcast_stage_seconds", "Time of a chunk in a stage", "stage", buckets=TIMINGS
    )
    lag: Gauge = _metric(Gauge, "pathcast_lag_records", "Clicks not yet applied, by partition", "partition")
    side_lag: Gauge = _metric(
        Gauge,
        "pathcast_side_lag_records",
        "Records of side inputs not yet applied",
        "topic",
        "partition",
    )
    watermark: Gauge = _metric(
        Gauge,
        "pathcast_watermark_timestamp_seconds",
        "Event time reached, seconds since the epoch",
        "partition",
        former=FormerName("pathcast_watermark_seconds"),
    )
    tiers: Counter = _metric(Counter, "pathcast_answers", "Answers by fallback tier (rung)", "rung")
    dead_letters: Counter = _metric(Counter, "pathcast_dead_letters", "Refused inputs, by reason", "reason")
    duplicates: Counter = _metric(
        Counter,
        "pathcast_duplicates",
        "Inputs whose event id was seen before",
        former=FormerName("pathcast_duplicate"),
    )
    lost_clicks: Counter = _metric(
        Counter,
        "pathcast_lost_clicks",
        "Clicks that retention deleted before they were read, by partition",
        "partition",
    )
    repeated_orders: Counter = _metric(
        Counter, "pathcast_repeated_orders", "Purchases of an order whose page was loaded again"
    )
    by_arrival: Counter = _metric(
        Counter, "pathcast_clock_disagreements", "Clicks taken in order of arrival, because clocks disagree"
    )
    analytics_expired: Counter = _metric(
        Counter, "pathcast_analytics_expired", "Clicks whose pane of analytics was too old to be counted"
    )
    misrouted: Counter = _metric(
        Counter, "pathcast_misrouted", "Clicks whose key does not hash to their partition"
    )
    dropped: Counter = _metric(
        Counter,
        "pathcast_dropped_fields",
        "Optional fields that could not be read, missing items, and missing prices of refunds, by field",
        "field",
    )
    clipped: Counter = _metric(
        Counter, "pathcast_clipped_amounts", "Amounts beyond their bounds or below 0, by field", "field"
    )
    actions: Counter = _metric(Counter, "pathcast_decisions", "Decisions by action", "action")
    withheld: Counter = _metric(
        Counter, "pathcast_actions_withheld", "Actions not allowed in a decision, by reason", "reason"
    )
    actions_file: Counter = _metric(
        Counter, "pathcast_actions_file_changes", "Changes of the actions file, by outcome", "outcome"
    )
    actions_refused: Gauge = _metric(
        Gauge, "pathcast_actions_file_refused", "1 while the actions file as it is now is refused"
    )
    events_by_type: Counter = _metric(
        Counter, "pathcast_events_by_type", "Clicks by event", "event", former=FormerName("pathcast_funnel")
    )
    timers: Counter = _metric(Counter, "pathcast_timers", "Timers fired by event time, by kind", "kind")
    explanations: Counter = _metric(
        Counter, "pathcast_explanations", "Explanations asked for, by outcome", "outcome"
    )
    risks: Counter = _metric(
        Counter, "pathcast_session_risk", "Answers by session risk: band from 0, 0.1, 0.5 or 0.9 on", "band"
    )
    recovery: Gauge = _metric(
        Gauge, "pathcast_recovery_seconds", "Seconds from the start of the worker to its latest recovery"
    )
    disk_free: Gauge = _metric(
        Gauge, "pathcast_datadir_free_ratio", "Share of the datadir's file system that is free"
    )
    identity_messages: Counter = _metric(
        Counter,
        "pathcast_identity_messages",
        "Messages about a user's devices to other partitions' owners, by kind",
        "kind",
    )
    erasures: Counter = _metric(
        Counter,
        "pathcast_erasures",
        "Requests to forget a visitor",
        former=FormerName("pathcast_forgotten"),
    )
    ready: Gauge = _metric(
        Gauge,
        "pathcast_ready",
        "1 when the worker is ready: its partitions are recovered, catalogue and models are read",
    )
    _labelled: dict[tuple[MetricWrapperBase, str], Any] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        former: dict[str, list[tuple[MetricWrapperBase, Mapping[str, str]]]] = {}
        for one in fields(self):
            if (made := one.metadata.get("made")) is not None:
                kind, name, meaning, labels, options = made
                metric = kind(name, meaning, labels, registry=self.registry, **options)
                setattr(self, one.name, metric)
                if (before := one.metadata["former"]) is not None:
                    former.setdefault(before.name, []).append((metric, before.labels))
        for name, metrics in former.items():
            self.registry.register(FormerNames(name, metrics))
        self._show_zeros()
        # Before the first comparison there is no figure; 0 would be one.
        for gauge in (
            self.shadow_difference,
            self.shadow_items,
            self.shadow_first_item,
            self.shadow_outcomes,
        ):
            gauge.set(nan)

    def _show_zeros(self) -> None:
        """Samples of labels that are known in advance, so that a rate has a first value."""
        for reason in withholding.REASONS:
            self.withheld.labels(reason)
        self.model.info({"version": NO_MODEL})
        for refusal in Refusal:
            self.models_refused.labels(refusal.value)
            self.policies_refused.labels(refusal.value)

    def of(self, metric: MetricWrapperBase, label: str) -> Any:
        """`metric.labels(label)`, remembered: of a chunk of one click these would be half the cost.

        For labels that are never removed.
        """
        found = self._labelled.get((metric, label))
        if found is None:
            found = self._labelled[metric, label] = metric.labels(label)
        return found
