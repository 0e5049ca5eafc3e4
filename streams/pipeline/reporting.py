"""Add a committed chunk to the metrics."""

from collections import Counter as Tallied
from collections.abc import Iterable

import numpy as np
from prometheus_client import Counter

from models.decisions import withholding
from models.decisions.actions import ActionSet
from streams.metrics import NO_MODEL, Metrics
from streams.pipeline.chunk import Chunk

#: Lower bounds of the bands in which session risks are counted; a band's label is its bound.
_RISK_BANDS = (0.0, 0.1, 0.5, 0.9)


def report(metrics: Metrics, chunk: Chunk, actions: ActionSet) -> None:
    """Count a committed chunk."""
    _count(metrics.dead_letters, Tallied(one.reason for one in chunk.refused).items())
    _count(metrics.explanations, chunk.explained.items())
    metrics.events.inc(len(chunk.applied))
    metrics.chunk.observe(chunk.work.size)
    _count(metrics.identity_messages, Tallied(chunk.identities.outbox.kinds()).items())
    metrics.duplicates.inc(chunk.duplicates)
    metrics.misrouted.inc(chunk.misrouted)
    metrics.erasures.inc(sum(not one.answer for one in chunk.erasures))
    metrics.hidden_rebuilt.inc(chunk.rebuilt)
    metrics.hidden_deferred.inc(len(chunk.scored[-1].purchase))
    metrics.served(chunk.version.id if chunk.version else NO_MODEL, len(chunk.applied))
    for stage, seconds in chunk.timings:
        metrics.stage.labels(stage).observe(seconds)
    for scored in chunk.scored:
        for tier, count in Tallied(scored.tiers).items():
            metrics.tiers.labels(tier.value).inc(count)
        _count_risks(metrics.risks, scored.risks)
    for kind, count in chunk.transitions.items():
        metrics.timers.labels(kind.lower()).inc(count)
    for action, count in Tallied(decided.decision.action for decided in chunk.decided).items():
        metrics.actions.labels(action).inc(count)
    contexts = (decided.context for decided in chunk.decided)
    _count(metrics.withheld, withholding.count_withheld(actions, contexts).items())
    for event, count in Tallied(applied.click.event for applied in chunk.applied).items():
        metrics.events_by_type.labels(event).inc(count)


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
