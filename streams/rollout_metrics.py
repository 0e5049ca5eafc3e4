"""Metrics of versions: which network answers, which policy decides, what was refused, shadow trials."""

# ruff: noqa: RUF009 - `_metric` makes a field of the dataclass, as `field` does

from collections.abc import Sequence
from dataclasses import dataclass, field

from prometheus_client import Counter, Gauge, Histogram, Info

from streams.metric_fields import TIMINGS, VERSIONS_SHOWN, RecentLabels
from streams.metric_fields import metric as _metric
from streams.renamed_metrics import FormerName


@dataclass
class RolloutMetrics:
    """The part of `streams.metrics.Metrics` that speaks of versions."""

    recommendation_outcomes: Counter = _metric(
        Counter,
        "pathcast_recommendation_outcomes",
        "Ended recommendations (`followed`) and their outcomes, by model version and fallback tier",
        "version",
        "rung",
        "outcome",
    )
    model: Info = _metric(Info, "pathcast_model", "The model version in use")
    model_created: Gauge = _metric(
        Gauge,
        "pathcast_model_created_timestamp_seconds",
        "When the model version in use was made, seconds since the epoch; 0: there is none",
    )
    versions: Counter = _metric(
        Counter, "pathcast_version_answers", "Clicks answered, by model version", "version"
    )
    models_refused: Counter = _metric(
        Counter, "pathcast_models_refused", "Announced model versions refused, by reason", "reason"
    )
    swaps: Counter = _metric(Counter, "pathcast_model_swaps", "Swaps to another model version")
    policy: Info = _metric(Info, "pathcast_policy", "The policy in use, by placement", "placement")
    policy_answers: Counter = _metric(
        Counter, "pathcast_policy_decisions", "Decisions, by policy version", "version"
    )
    policies_refused: Counter = _metric(
        Counter, "pathcast_policies_refused", "Announced policies refused, by reason", "reason"
    )
    policy_swaps: Counter = _metric(
        Counter, "pathcast_policy_swaps", "Swaps to another policy, by placement", "placement"
    )
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
        buckets=TIMINGS,
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
    _served: RecentLabels = field(default_factory=RecentLabels, init=False)
    _decided: RecentLabels = field(default_factory=RecentLabels, init=False)
    _followed: dict[str, set[tuple[str, str]]] = field(default_factory=dict, init=False)

    def served(self, version: str, clicks: int) -> None:
        """Count clicks under the version that answered them, and drop the counters of the oldest versions."""
        self._served.count(self.versions, version, clicks)

    def decided(self, policy_version: str, decisions: int) -> None:
        """As `served`, decisions under the version of the policy that made them."""
        self._decided.count(self.policy_answers, policy_version, decisions)

    def followed(self, version: str, rung: str, outcomes: Sequence[str]) -> None:
        """Count an ended recommendation under its version, and drop the counters of the oldest versions."""
        known = self._followed.setdefault(version, set())
        for outcome in ("followed", *outcomes):
            self.recommendation_outcomes.labels(version, rung, outcome).inc()
            known.add((rung, outcome))
        while len(self._followed) > VERSIONS_SHOWN:
            oldest = next(iter(self._followed))
            for labels in self._followed.pop(oldest):
                self.recommendation_outcomes.remove(oldest, *labels)
