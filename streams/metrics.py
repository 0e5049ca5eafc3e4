"""What the worker counts, in Prometheus' terms; `/metrics` shows it."""

from collections import Counter as Tallied
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from models.decisions import withholding
from models.registry.refusals import Refusal

if TYPE_CHECKING:
    from streams.pipeline.stages import ChunkRun

#: What stands for a version where the ladder answers without one.
NO_MODEL = "none"
#: Versions whose answers are counted; each promotion brings another one.
VERSIONS_SHOWN = 5

#: Session risks are counted in these bands; a label says where its band begins.
_RISK_BANDS = (0.0, 0.1, 0.5, 0.9)
_TIMINGS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


class Metrics:
    """One worker's metrics, in a registry of their own so that tests can have several."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.events = Counter("pathcast_events", "Clicks answered", registry=registry)
        self.chunk = Histogram(
            "pathcast_chunk_records", "Records per transaction", buckets=_SIZES, registry=registry
        )
        self.stage = Histogram(
            "pathcast_stage_seconds",
            "Time per chunk and stage",
            ["stage"],
            buckets=_TIMINGS,
            registry=registry,
        )
        self.lag = Gauge("pathcast_lag_records", "Records not yet applied", ["partition"], registry=registry)
        self.side_lag = Gauge(
            "pathcast_side_lag_records",
            "Records of inputs beside clicks not yet applied",
            ["topic", "partition"],
            registry=registry,
        )
        self.watermark = Gauge(
            "pathcast_watermark_seconds", "Event time reached", ["partition"], registry=registry
        )
        self.rungs = Counter("pathcast_answers", "Answers by rung", ["rung"], registry=registry)
        self.dead_letters = Counter("pathcast_dead_letters", "Refused inputs", ["reason"], registry=registry)
        self.duplicates = Counter("pathcast_duplicate", "Repeated event ids", registry=registry)
        self.misrouted = Counter(
            "pathcast_misrouted", "Clicks whose key does not hash to their partition", registry=registry
        )
        self.dropped = Counter(
            "pathcast_dropped_fields", "Optional fields that could not be read", ["field"], registry=registry
        )
        self.actions = Counter("pathcast_decisions", "Decisions by action", ["action"], registry=registry)
        self.withheld = Counter(
            "pathcast_actions_withheld",
            "Actions not allowed in a decision, by reason",
            ["reason"],
            registry=registry,
        )
        for reason in withholding.REASONS:
            self.withheld.labels(reason)
        self.funnel = Counter("pathcast_funnel", "Clicks by event", ["event"], registry=registry)
        self.timers = Counter(
            "pathcast_timers", "Transitions fired by event time", ["kind"], registry=registry
        )
        self.explanations = Counter(
            "pathcast_explanations", "Explanations asked for, by outcome", ["outcome"], registry=registry
        )
        self.risks = Counter(
            "pathcast_session_risk",
            "Answers by session risk: band from 0, 0.1, 0.5 or 0.9 on",
            ["band"],
            registry=registry,
        )
        self.model = Info("pathcast_model", "The model in use", registry=registry)
        self.model.info({"version": NO_MODEL})
        self.versions = Counter(
            "pathcast_version_answers", "Clicks answered, by model version", ["version"], registry=registry
        )
        self.models_refused = Counter(
            "pathcast_models_refused", "Announced models not used, by reason", ["reason"], registry=registry
        )
        for refusal in Refusal:
            self.models_refused.labels(refusal.value)
        self.swaps = Counter("pathcast_model_swaps", "Models swapped in", registry=registry)
        self.rebuilt = Counter(
            "pathcast_hidden_rebuilt", "Hidden states made again for another version", registry=registry
        )
        self.waited = Counter(
            "pathcast_hidden_waited",
            "Clicks that a lower rung answered while their visitor's hidden state waited to be made again",
            registry=registry,
        )
        self.outdated = Gauge(
            "pathcast_hidden_outdated", "Visitors in memory still to be made again", registry=registry
        )
        self.recovery = Gauge("pathcast_recovery_seconds", "Duration of the last recovery", registry=registry)
        self.identity_messages = Counter(
            "pathcast_identity_messages",
            "Messages about a user's devices to other partitions' owners, by kind",
            ["kind"],
            registry=registry,
        )
        self.forgotten = Counter("pathcast_forgotten", "Requests to forget a visitor", registry=registry)
        self.shadow_scored = Counter(
            "pathcast_shadow_scored", "Clicks that a challenger scored as well", registry=registry
        )
        self.shadow_failed = Counter(
            "pathcast_shadow_failed", "Challengers that could not score", registry=registry
        )
        self.shadow_seconds = Histogram(
            "pathcast_shadow_seconds",
            "Time to score a batch, by side",
            ["side"],
            buckets=_TIMINGS,
            registry=registry,
        )
        self.shadow = Gauge(
            "pathcast_shadow", "A challenger beside the version in use", ["figure"], registry=registry
        )
        self.ready = Gauge("pathcast_ready", "1 when every partition is being answered", registry=registry)
        self._served: dict[str, None] = {}

    def served(self, version: str, clicks: int) -> None:
        """Count clicks under the version that answered them; the counts of long gone ones are dropped."""
        self.versions.labels(version).inc(clicks)
        self._served.pop(version, None)
        self._served[version] = None
        while len(self._served) > VERSIONS_SHOWN:
            oldest = next(iter(self._served))
            del self._served[oldest]
            self.versions.remove(oldest)


def report(metrics: Metrics, passage: "ChunkRun") -> None:
    """Count a committed chunk."""
    _count(metrics.dead_letters, passage.reasons.items())
    _count(metrics.explanations, passage.explained.items())
    metrics.events.inc(len(passage.applied))
    metrics.chunk.observe(passage.work.size)
    _count(metrics.identity_messages, Tallied(passage.identities.outbox.kinds()).items())
    metrics.duplicates.inc(passage.duplicates)
    metrics.misrouted.inc(passage.misrouted)
    metrics.forgotten.inc(sum(not one.answer for one in passage.erasures))
    metrics.rebuilt.inc(passage.rebuilt)
    metrics.waited.inc(len(passage.scored[-1].purchase))
    metrics.served(passage.version.id if passage.version else NO_MODEL, len(passage.applied))
    for stage, seconds in passage.stages:
        metrics.stage.labels(stage).observe(seconds)
    for scored in passage.scored:
        for rung, count in Tallied(scored.rungs).items():
            metrics.rungs.labels(rung.value).inc(count)
        _count_risks(metrics.risks, scored.risks)
    for kind, count in passage.transitions.items():
        metrics.timers.labels(kind.lower()).inc(count)
    for action, count in Tallied(decided.decision.action for decided in passage.decided).items():
        metrics.actions.labels(action).inc(count)
    contexts = (decided.context for decided in passage.decided)
    _count(metrics.withheld, withholding.tally(passage.pipeline.policy.actions, contexts).items())
    for event, count in Tallied(applied.click.event for applied in passage.applied).items():
        metrics.funnel.labels(event).inc(count)


def _count_risks(counter: Counter, risks: list[float | None]) -> None:
    told = [risk for risk in risks if risk is not None]
    bands = np.searchsorted(_RISK_BANDS[1:], told, side="right")
    for start, count in zip(
        _RISK_BANDS, np.bincount(bands, minlength=len(_RISK_BANDS)).tolist(), strict=True
    ):
        if count:
            counter.labels(f"{start:g}").inc(count)


def _count(counter: Counter, counts: Iterable[tuple[str, int]]) -> None:
    for label, count in counts:
        counter.labels(label).inc(count)
