"""Stage decide: a decision for each scored click, and what it leaves in the visitor's exposure."""

from collections.abc import Callable, Sequence

from models.contract.events import Click
from models.decisions import policy
from models.decisions.policy import Decision, Policy
from models.sessions.lifecycle import SessionConfig, close_expired, schedule_close
from models.state import exposure
from models.state.facts import Transition
from models.state.visitor import Visitor
from streams.pipeline.chunk import Applied, Chunk, Decided


def decide_all(chunk: Chunk, rules: Policy, config: SessionConfig) -> None:
    """Decide the chunk's clicks in record order."""
    decider, scored = Decider(rules, config, chunk.count), chunk.scored
    chunk.decided = [
        decider.decide(applied, answers.purchase[applied.row], answers.risks[applied.row])
        for applied, answers in ((applied, scored[applied.batch]) for applied in chunk.applied)
    ]


class Decider:
    """Decides a chunk's clicks in record order; `count` is told what event time closed on the way."""

    def __init__(
        self, rules: Policy, config: SessionConfig, count: Callable[[Sequence[Transition]], None]
    ) -> None:
        self._policy, self._actions, self._config, self._count = rules, rules.actions, config, count

    def decide(self, applied: Applied, probability: float, risk: float | None = None) -> Decided:
        """Outcomes first, then mask, draw and, where something is served, its place in the exposure.

        `risk` is the session risk as published, None where no head gave one.
        """
        click, facts, visitor = applied.click, applied.facts, applied.entry.visitor
        assert visitor is not None
        self._count(close_expired(visitor, facts, applied.watermark, self._config))
        if facts.consent and click.decision_id is not None:
            self._follow(visitor, click)
        allowed = exposure.mask(visitor.exposure, self._actions, click.ts, facts.consent)
        allowed &= ~self._actions.too_risky(risk)
        published = policy.published(probability)
        asked = published, applied.stage, applied.cart_milli, click.event, facts.position
        context = policy.Context(*asked, allowed, risk, facts.consent)
        draw = policy.draw_of(click.event_id)
        decision = self._policy.decide(context, draw)
        if facts.consent and decision.position != self._actions.none:
            self._serve(visitor, click, decision)
        return Decided(published, context, draw, decision)

    def _follow(self, visitor: Visitor, click: Click) -> None:
        outcome = exposure.apply_outcome(visitor.exposure, click, self._config.exposure)
        if outcome is not None and outcome.status == "parked":
            schedule_close(visitor, click.ts, self._config)

    def _serve(self, visitor: Visitor, click: Click, decision: Decision) -> None:
        identity = policy.decision_id(click.event_id, self._actions.placement)
        pushed = exposure.record(visitor.exposure, self._actions, decision.position, identity, click.ts)
        if pushed:
            self._count([pushed])
        schedule_close(visitor, click.ts, self._config)
