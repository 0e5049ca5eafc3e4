"""The worker's Prometheus metrics, served at `/metrics`; a new one is a field of `Metrics` and its use."""

# ruff: noqa: RUF009 - `_metric` makes a field of the dataclass, as `field` does

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import nan
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.metrics import MetricWrapperBase

from models.decisions import withholding
from models.registry.refusals import Refusal
from streams.renamed_metrics import FormerName, FormerNames

#: The label of a version where the fallback chain answers without a model.
NO_MODEL = "none"
#: Versions with a counter of answers; each promotion adds another one, and the oldest is dropped.
VERSIONS_SHOWN = 5

_TIMINGS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def _metric(
    kind: type[MetricWrapperBase],
    name: str,
    meaning: str,
    *labels: str,
    former: FormerName | None = None,
    **options: Any,
) -> Any:
    """A field of `Metrics`, created with its registry; `former` is exported beside it for one version."""
    made = (kind, name, meaning, labels, options)
    return field(init=False, metadata={"made": made, "former": former})


@dataclass
class Metrics:
    """One worker's metrics, in a registry of their own so that tests can have several.

    A metric is one field: its kind, name, help text and labels. Prometheus appends `_total` to counters.
    """

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    events: Counter = _metric(Counter, "pathcast_events", "Clicks answered")
    chunk: Histogram = _metric(Histogram, "pathcast_chunk_records", "Records per transaction", buckets=_SIZES)
    stage: Histogram = _metric(
        Histogram, "pathcast_stage_seconds", "Time of a chunk in a stage", "stage", buckets=_TIMINGS
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
    misrouted: Counter = _metric(
        Counter, "pathcast_misrouted", "Clicks whose key does not hash to their partition"
    )
    dropped: Counter = _metric(
        Counter, "pathcast_dropped_fields", "Optional fields that could not be read, by field", "field"
    )
    actions: Counter = _metric(Counter, "pathcast_decisions", "Decisions by action", "action")
    withheld: Counter = _metric(
        Counter, "pathcast_actions_withheld", "Actions not allowed in a decision, by reason", "reason"
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
    model: Info = _metric(Info, "pathcast_model", "The model version in use")
    versions: Counter = _metric(
        Counter, "pathcast_version_answers", "Clicks answered, by model version", "version"
    )
    models_refused: Counter = _metric(
        Counter, "pathcast_models_refused", "Announced model versions refused, by reason", "reason"
    )
    swaps: Counter = _metric(Counter, "pathcast_model_swaps", "Swaps to another model version")
    hidden_rebuilt: Counter = _metric(
        Counter,
        "pathcast_hidden_state_rebuilt",
        "Hidden states computed again for another model version",
        former=FormerName("pathcast_hidden_rebuilt"),
    )
    hidden_deferred: Counter = _metric(
        Counter,
        "pathcast_hidden_state_deferred",
        "Clicks answered by a lower fallback tier because the rebuild budget of their chunk was spent",
        former=FormerName("pathcast_hidden_waited"),
    )
    hidden_outdated: Gauge = _metric(
        Gauge,
        "pathcast_hidden_state_outdated",
        "Cached visitors whose hidden state is still to be computed again",
        former=FormerName("pathcast_hidden_outdated"),
    )
    recovery: Gauge = _metric(
        Gauge, "pathcast_recovery_seconds", "Seconds from the start of the worker to its latest recovery"
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
    shadow_scored: Counter = _metric(
        Counter, "pathcast_shadow_scored", "Clicks that a challenger scored, too"
    )
    shadow_failed: Counter = _metric(
        Counter, "pathcast_shadow_failed", "Comparisons ended by a failure of the challenger"
    )
    shadow_seconds: Histogram = _metric(
        Histogram,
        "pathcast_shadow_seconds",
        "Time to score a batch, by side (incumbent, challenger)",
        "side",
        buckets=_TIMINGS,
    )
    shadow_difference: Gauge = _metric(
        Gauge,
        "pathcast_shadow_probability_difference",
        "Mean absolute difference of the two purchase probabilities in the last batch",
        former=FormerName("pathcast_shadow", {"figure": "difference"}),
    )
    shadow_items: Gauge = _metric(
        Gauge,
        "pathcast_shadow_items_shared_ratio",
        "Share of the recommended items that both versions name",
        former=FormerName("pathcast_shadow", {"figure": "items_shared"}),
    )
    shadow_first_item: Gauge = _metric(
        Gauge,
        "pathcast_shadow_first_item_shared_ratio",
        "Share of clicks for which both versions recommend the same first item",
        former=FormerName("pathcast_shadow", {"figure": "first_shared"}),
    )
    shadow_outcomes: Gauge = _metric(
        Gauge,
        "pathcast_shadow_outcomes",
        "Compared clicks whose outcome is known",
        former=FormerName("pathcast_shadow", {"figure": "outcomes"}),
    )
    ready: Gauge = _metric(
        Gauge,
        "pathcast_ready",
        "1 when the worker is ready: its partitions are recovered, catalogue and models are read",
    )
    _served: dict[str, None] = field(default_factory=dict, init=False)

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

    def served(self, version: str, clicks: int) -> None:
        """Count clicks under the version that answered them, and drop the counters of the oldest versions."""
        self.versions.labels(version).inc(clicks)
        self._served.pop(version, None)
        self._served[version] = None
        while len(self._served) > VERSIONS_SHOWN:
            oldest = next(iter(self._served))
            del self._served[oldest]
            self.versions.remove(oldest)
