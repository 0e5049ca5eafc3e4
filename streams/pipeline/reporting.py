"""Add a committed chunk to the metrics."""

from bisect import bisect_right
from collections import Counter as Tallied
from collections.abc import Mapping, Sequence

from prometheus_client import Counter

from models.constraints.fields import MILLI
from models.decisions import withholding
from models.decisions.policy import Policy
from streams.metrics import NO_MODEL, Metrics
from streams.pipeline.chunk import Chunk, Placed

#: Lower bounds of the bands in which session risks are counted; a band's label is its bound.
_RISK_BANDS = (0.0, 0.1, 0.5, 0.9)
_BANDS = tuple(f"{start:g}" for start in _RISK_BANDS)


def report(metrics: Metrics, chunk: Chunk, policies: Sequence[Policy]) -> None:
    """Count a committed chunk; `policies` are those in use, as `chunk.makers` counts them."""
    _count(metrics, metrics.dead_letters, [one.reason for one in chunk.refused])
    _count(metrics, metrics.explanations, chunk.explained)
    metrics.events.inc(len(chunk.applied))
    metrics.chunk.observe(chunk.work.size)
    _count(metrics, metrics.identity_messages, chunk.identities.outbox.kinds())
    metrics.duplicates.inc(chunk.duplicates)
    metrics.repeated_orders.inc(chunk.repeated_orders)
    metrics.by_arrival.inc(chunk.by_arrival)
    metrics.misrouted.inc(chunk.misrouted)
    metrics.analytics_expired.inc(chunk.analytics.expired)
    metrics.erasures.inc(sum(not one.answer for one in chunk.erasures))
    metrics.hidden_rebuilt.inc(chunk.rebuilt)
    metrics.hidden_deferred.inc(len(chunk.scored[-1].purchase))
    metrics.served(chunk.version.id if chunk.version else NO_MODEL, len(chunk.applied))
    for stage, seconds in chunk.timings:
        metrics.of(metrics.stage, stage).observe(seconds)
    for scored in chunk.scored:
        _count(metrics, metrics.tiers, [tier.value for tier in scored.tiers])
        _count(metrics, metrics.risks, [_band(risk) for risk in scored.risks if risk is not None])
    _count(metrics, metrics.timers, {kind.lower(): count for kind, count in chunk.transitions.items()})
    for placed in (Placed(chunk.decided, chunk.makers), *chunk.further):
        _report_decisions(metrics, placed, policies)
    _report_feedback(metrics, chunk)
    if chunk.budgets is not None:
        for account, amount in chunk.budgets.spending.spent.items():
            metrics.spent(account, amount / MILLI)
    _count(metrics, metrics.events_by_type, [applied.click.event for applied in chunk.applied])


def _report_decisions(metrics: Metrics, placed: Placed, policies: Sequence[Policy]) -> None:
    _count(metrics, metrics.actions, [one.decision.action for one in placed.decided])
    for maker in sorted(set(placed.makers)):
        policy, made = policies[maker], zip(*placed, strict=True)
        contexts = [decided.context for decided, by in made if by == maker]
        metrics.decided(policy.version, len(contexts))
        if contexts[0].experiment and contexts[0].arm:  # a policy of an arm decides for no others
            metrics.decided_in((contexts[0].experiment, contexts[0].arm), len(contexts))
        _count(metrics, metrics.withheld, withholding.count_withheld(policy.actions, contexts))


def _report_feedback(metrics: Metrics, chunk: Chunk) -> None:
    joins = chunk.joins
    for labels, times in joins.fates.items():
        metrics.outcomes.labels(*labels).inc(times)
    _count(metrics, metrics.decisions_ended, joins.ends)
    _count(metrics, metrics.recommendations_ended, joins.list_ends)
    for kept, joined in joins.ended:
        place = kept.placement, kept.policy, kept.action
        for outcome in ("made", *(one.event for one in joined.outcomes)):
            metrics.decision_outcomes.labels(*place, outcome).inc()
        bought = sum(one.value for one in joined.outcomes if one.event == "bought")
        if bought:
            metrics.decision_value.labels(*place).inc(bought)
        if kept.experiment:
            metrics.rewarded_in((kept.experiment, kept.arm), joined.reward)
    for version, rung, told in joins.followed:
        metrics.followed(version or NO_MODEL, rung, told)


def _band(risk: float) -> str:
    return _BANDS[bisect_right(_RISK_BANDS, risk) - 1]


def _count(metrics: Metrics, counter: Counter, labels: Sequence[str] | Mapping[str, int]) -> None:
    """Count each label, or as often as it is told."""
    if labels:
        for label, count in Tallied(labels).items():
            metrics.of(counter, label).inc(count)
