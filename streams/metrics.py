"""What the worker counts, in Prometheus' terms; `/metrics` shows it."""

# ruff: noqa: RUF009 - `_metric` makes a field of the dataclass, as `field` does

from dataclasses import dataclass, field, fields
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.metrics import MetricWrapperBase

from models.decisions import withholding
from models.registry.refusals import Refusal

#: What stands for a version where the fallback chain answers without one.
NO_MODEL = "none"
#: Versions whose answers are counted; each promotion brings another one.
VERSIONS_SHOWN = 5

_TIMINGS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def _metric(kind: type[MetricWrapperBase], name: str, meaning: str, *labels: str, **options: Any) -> Any:
    """A field of `Metrics`; it is made when a registry is there to hold it."""
    return field(init=False, metadata={"made": (kind, name, meaning, labels, options)})


@dataclass
class Metrics:
    """One worker's metrics, in a registry of their own so that tests can have several.

    A metric is one field: its kind, its name, what it means, and its labels.
    """

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    events: Counter = _metric(Counter, "pathcast_events", "Clicks answered")
    chunk: Histogram = _metric(Histogram, "pathcast_chunk_records", "Records per transaction", buckets=_SIZES)
    stage: Histogram = _metric(
        Histogram, "pathcast_stage_seconds", "Time per chunk and stage", "stage", buckets=_TIMINGS
    )
    lag: Gauge = _metric(Gauge, "pathcast_lag_records", "Records not yet applied", "partition")
    side_lag: Gauge = _metric(
        Gauge,
        "pathcast_side_lag_records",
        "Records of inputs beside clicks not yet applied",
        "topic",
        "partition",
    )
    watermark: Gauge = _metric(Gauge, "pathcast_watermark_seconds", "Event time reached", "partition")
    tiers: Counter = _metric(Counter, "pathcast_answers", "Answers by rung", "rung")
    dead_letters: Counter = _metric(Counter, "pathcast_dead_letters", "Refused inputs", "reason")
    duplicates: Counter = _metric(Counter, "pathcast_duplicate", "Repeated event ids")
    misrouted: Counter = _metric(
        Counter, "pathcast_misrouted", "Clicks whose key does not hash to their partition"
    )
    dropped: Counter = _metric(
        Counter, "pathcast_dropped_fields", "Optional fields that could not be read", "field"
    )
    actions: Counter = _metric(Counter, "pathcast_decisions", "Decisions by action", "action")
    withheld: Counter = _metric(
        Counter, "pathcast_actions_withheld", "Actions not allowed in a decision, by reason", "reason"
    )
    funnel: Counter = _metric(Counter, "pathcast_funnel", "Clicks by event", "event")
    timers: Counter = _metric(Counter, "pathcast_timers", "Transitions fired by event time", "kind")
    explanations: Counter = _metric(
        Counter, "pathcast_explanations", "Explanations asked for, by outcome", "outcome"
    )
    risks: Counter = _metric(
        Counter, "pathcast_session_risk", "Answers by session risk: band from 0, 0.1, 0.5 or 0.9 on", "band"
    )
    model: Info = _metric(Info, "pathcast_model", "The model in use")
    versions: Counter = _metric(
        Counter, "pathcast_version_answers", "Clicks answered, by model version", "version"
    )
    models_refused: Counter = _metric(
        Counter, "pathcast_models_refused", "Announced models not used, by reason", "reason"
    )
    swaps: Counter = _metric(Counter, "pathcast_model_swaps", "Models swapped in")
    rebuilt: Counter = _metric(
        Counter, "pathcast_hidden_rebuilt", "Hidden states made again for another version"
    )
    waited: Counter = _metric(
        Counter,
        "pathcast_hidden_waited",
        "Clicks that a lower rung answered while their visitor's hidden state waited to be made again",
    )
    outdated: Gauge = _metric(Gauge, "pathcast_hidden_outdated", "Visitors in memory still to be made again")
    recovery: Gauge = _metric(Gauge, "pathcast_recovery_seconds", "Duration of the last recovery")
    identity_messages: Counter = _metric(
        Counter,
        "pathcast_identity_messages",
        "Messages about a user's devices to other partitions' owners, by kind",
        "kind",
    )
    forgotten: Counter = _metric(Counter, "pathcast_forgotten", "Requests to forget a visitor")
    shadow_scored: Counter = _metric(
        Counter, "pathcast_shadow_scored", "Clicks that a challenger scored as well"
    )
    shadow_failed: Counter = _metric(Counter, "pathcast_shadow_failed", "Challengers that could not score")
    shadow_seconds: Histogram = _metric(
        Histogram, "pathcast_shadow_seconds", "Time to score a batch, by side", "side", buckets=_TIMINGS
    )
    shadow: Gauge = _metric(Gauge, "pathcast_shadow", "A challenger beside the version in use", "figure")
    ready: Gauge = _metric(Gauge, "pathcast_ready", "1 when every partition is being answered")
    _served: dict[str, None] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for one in fields(self):
            if (made := one.metadata.get("made")) is not None:
                kind, name, meaning, labels, options = made
                setattr(self, one.name, kind(name, meaning, labels, registry=self.registry, **options))
        for reason in withholding.REASONS:
            self.withheld.labels(reason)
        self.model.info({"version": NO_MODEL})
        for refusal in Refusal:
            self.models_refused.labels(refusal.value)

    def served(self, version: str, clicks: int) -> None:
        """Count clicks under the version that answered them; the counts of long gone ones are dropped."""
        self.versions.labels(version).inc(clicks)
        self._served.pop(version, None)
        self._served[version] = None
        while len(self._served) > VERSIONS_SHOWN:
            oldest = next(iter(self._served))
            del self._served[oldest]
            self.versions.remove(oldest)
