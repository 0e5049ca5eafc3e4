"""Stage decide: a decision for each scored click, and what it leaves in the visitor's exposure."""

from collections.abc import Callable, Sequence

from models.contract.decision_context import Context
from models.contract.events import Click
from models.decisions.actions_file import ActionsError
from models.decisions.decision import Decision, decision_id, draw_of, published, sample
from models.decisions.policy import Policy, PolicyEvaluation
from models.features import features
from models.sessions.lifecycle import SessionConfig, close_expired, schedule_close
from models.state import exposure
from models.state.facts import Transition
from models.state.visitor import Visitor
from streams.pipeline.chunk import Applied, Chunk, Decided, Scored


class ContextVectors:
    """Reads a policy's inputs (`Policy.inputs`). Raises ActionsError for a column that does not exist."""

    def __init__(self, policy: Policy) -> None:
        unknown = sorted(set(policy.inputs) - set(features.NAMES))
        if unknown:
            raise ActionsError(
                f"policy {policy.name} decides from {unknown}; expected columns of "
                "models.features.features.NAMES; correct its inputs"
            )
        self._columns = [features.NAMES.index(name) for name in policy.inputs]

    def of(self, chunk: Chunk) -> list[list[float] | None]:
        """A vector for each applied click; None where the policy has no inputs.

        Zeros without consent: only `none` is allowed then, and the record must not describe the visitor.
        """
        if not self._columns or not chunk.applied:
            return [None] * len(chunk.applied)
        rows = b"".join(chunk.batchers[applied.batch].row(applied.row) for applied in chunk.applied)
        values = features.matrix(rows)[:, self._columns]
        values[[not applied.facts.consent for applied in chunk.applied]] = 0
        vectors: list[list[float] | None] = values.tolist()
        return vectors


def decide_all(chunk: Chunk, policy: Policy, vectors: ContextVectors, config: SessionConfig) -> None:
    """Decide the chunk's clicks: the policy evaluates all of them at once, then each in record order."""
    every = policy.actions.all_bits
    contexts = [
        unmasked(applied, chunk.scored[applied.batch], vector, every)
        for applied, vector in zip(chunk.applied, vectors.of(chunk), strict=True)
    ]
    decider = Decider(policy, config, chunk.count)
    evaluations = policy.evaluate(contexts)
    chunk.decided = [
        decider.decide(applied, context, evaluation)
        for applied, context, evaluation in zip(chunk.applied, contexts, evaluations, strict=True)
    ]


def unmasked(applied: Applied, scored: Scored, vector: list[float] | None, every: int) -> Context:
    """The context of a click before the constraints: all actions (`every`, as bits) are allowed."""
    probability, risk = published(scored.purchase[applied.row]), scored.risks[applied.row]
    facts, event = applied.facts, applied.click.event
    session = applied.stage, applied.cart_milli, event, facts.position
    return Context(probability, *session, every, risk, facts.consent, vector)


class Decider:
    """Decides a chunk's clicks in record order; `count` receives attribution windows that close."""

    def __init__(
        self, policy: Policy, config: SessionConfig, count: Callable[[Sequence[Transition]], None]
    ) -> None:
        self._actions, self._config, self._count = policy.actions, config, count

    def decide(self, applied: Applied, context: Context, evaluation: PolicyEvaluation) -> Decided:
        """Apply outcomes, mask, draw; record a served action in the visitor's exposure."""
        click, facts, visitor = applied.click, applied.facts, applied.entry.visitor
        assert visitor is not None
        self._count(close_expired(visitor, facts, applied.watermark, self._config))
        if facts.consent and click.decision_id is not None:
            self._follow(visitor, click)
        allowed = exposure.mask(visitor.exposure, self._actions, click.ts, facts.consent)
        allowed &= ~self._actions.too_risky(context.session_risk)
        draw = draw_of(click.event_id)
        decision = sample(self._actions, evaluation, allowed, draw)
        if facts.consent and decision.position != self._actions.none:
            self._serve(visitor, click, decision)
        return Decided(context.purchase_probability, _masked(context, allowed), draw, decision)

    def _follow(self, visitor: Visitor, click: Click) -> None:
        outcome = exposure.apply_outcome(visitor.exposure, click, self._config.exposure)
        if outcome is not None and outcome.status == "parked":
            schedule_close(visitor, click.ts, self._config)

    def _serve(self, visitor: Visitor, click: Click, decision: Decision) -> None:
        identity = decision_id(click.event_id, self._actions.placement)
        pushed = exposure.record(visitor.exposure, self._actions, decision.position, identity, click.ts)
        if pushed:
            self._count([pushed])
        schedule_close(visitor, click.ts, self._config)


def _masked(context: Context, mask: int) -> Context:
    if mask == context.mask:
        return context
    # A tenth of what `msgspec.structs.replace` costs.
    return Context(
        context.purchase_probability,
        context.stage,
        context.cart_milli,
        context.event,
        context.click,
        mask,
        context.session_risk,
        context.consent,
        context.vector,
    )
