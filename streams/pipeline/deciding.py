"""Stage decide: a decision for each scored click and placement, and what it leaves in the exposure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.constraints.spending import Purse
from models.contract.decision_context import HOLD_OUT, Context
from models.contract.events import Click
from models.decisions.actions import ActionSet
from models.decisions.decision import Decision, decision_id, draw_for, published, sample
from models.decisions.policy import Policy, PolicyEvaluation
from models.decisions.withholding import BUDGET, HOLDOUT
from models.sessions.lifecycle import SessionConfig, close_expired, schedule_close
from models.state import exposure
from models.state.visitor import Visitor
from streams.constraints.withheld_actions import Withheld, Withholder
from streams.feedback.joins import Opening
from streams.feedback.outcome_joining import OutcomeFollower
from streams.partition_state.visitors import VisitorEntry
from streams.pipeline.chunk import Applied, Chunk, Decided, Scored, Trial
from streams.pipeline.context_vectors import ContextVectors


class Asked(NamedTuple):
    """By click of a placement: who decides it, its context with the mask that it has unless a click before it
    is served, what the policy makes of that, what is withheld, and the servings that the mask follows from.
    """

    deciders: Sequence["Decider"]
    contexts: Sequence[Context]
    evaluations: Sequence[PolicyEvaluation]
    withheld: Sequence[Withheld]
    servings: Sequence[bytes]


def ask(
    part: Chunk,
    policy: Policy,
    vectors: ContextVectors,
    withholder: Withholder,
    trial: Trial,
    config: SessionConfig,
) -> Asked:
    """Let a policy evaluate all clicks of a chunk, or of the part of it that an arm decides."""
    servings = [_servings(applied) for applied in part.applied]
    contexts = [
        expected(applied, part.scored[applied.batch], vector, policy.actions, trial)
        for applied, vector in zip(part.applied, vectors.of(part), strict=True)
    ]
    withheld = withholder.of(part.applied, contexts, part.rows)
    contexts = [
        _masked(context, context.mask & ~bits, reasons) if bits else context
        for context, (bits, reasons) in zip(contexts, withheld, strict=True)
    ]
    deciders = [Decider(policy, config, part)] * len(contexts)
    return Asked(deciders, contexts, policy.evaluate(contexts), withheld, servings)


def _servings(applied: Applied) -> bytes:
    assert applied.entry.visitor is not None
    return applied.entry.visitor.exposure.servings


def decide_all(chunk: Chunk, asked: Sequence[Asked], config: SessionConfig) -> list[list[Decided]]:
    """Decide in record order, each click for all placements; `asked` and the decisions are by placement."""
    begin, made = Beginning(config, chunk).click, [list[Decided]() for _ in asked]
    first, further, keep = asked[0], list(zip(made[1:], asked[1:], strict=True)), made[0].append
    for at, (applied, decider, *given) in enumerate(zip(chunk.applied, *first, strict=True)):
        begin(applied)
        keep(decider.decide(applied, *given))
        for decided, (deciders, contexts, evaluations, kept, known) in further:
            decided.append(deciders[at].decide(applied, contexts[at], evaluations[at], kept[at], known[at]))
    return made


def expected(
    applied: Applied,
    scored: Scored,
    vector: list[float] | None,
    actions: ActionSet,
    trial: Trial = (None, None),
) -> Context:
    """The context of a click, with the actions that consent, risk and the servings so far allow.

    `trial` has the names of experiment and arm that decide for it.
    """
    row, facts = applied.row, applied.facts
    risk = scored.risks[row]
    return Context(
        published(scored.purchase[row]),
        applied.stage,
        applied.cart_milli,
        applied.click.event,
        facts.position,
        allowed_now(applied, actions, risk),
        risk,
        facts.consent,
        vector,
        *trial,
    )


def allowed_now(applied: Applied, actions: ActionSet, risk: float | None) -> int:
    """The actions that consent, risk and the visitor's servings so far allow, as bits."""
    visitor = applied.entry.visitor
    assert visitor is not None
    found = exposure.mask(visitor.exposure, actions, applied.click.ts, applied.facts.consent)
    return found & ~actions.too_risky(risk)


class Beginning:
    """What precedes a click's decisions."""

    def __init__(self, config: SessionConfig, chunk: Chunk) -> None:
        model = chunk.version.id if chunk.version else ""
        self._config, self._scored = config, chunk.scored
        self._follower = OutcomeFollower(chunk.joins, chunk.count, model, config)

    def click(self, applied: Applied) -> None:
        """Close what is due, and apply the click's own outcome."""
        click, facts, visitor = applied.click, applied.facts, applied.entry.visitor
        assert visitor is not None
        if closed := close_expired(visitor, facts, applied.watermark, self._config):
            self._follower.closed(applied.entry, closed, click.ts)
        if facts.consent:
            self._follower.follow(applied.entry, visitor, click)
            scored, row = self._scored[applied.batch], applied.row
            if scored.tags:
                self._follower.keep(visitor, click, scored.tiers[row], scored.tags[row])


class Decider:
    """Decides a chunk's clicks for one placement, in record order."""

    def __init__(self, policy: Policy, config: SessionConfig, chunk: Chunk) -> None:
        self._actions, self._config, self._chunk = policy.actions, config, chunk
        self._purse: Purse | None = None
        if chunk.budgets is not None and policy.actions.limits.charges:
            self._purse = Purse(chunk.budgets.spending, policy.actions.limits)

    def decide(
        self,
        applied: Applied,
        context: Context,
        evaluation: PolicyEvaluation,
        withheld: Withheld,
        servings: bytes,
    ) -> Decided:
        """Mask, draw; record a served action in the visitor's exposure and in the budgets.

        Where the visitor's servings are still `servings`, the mask is the context's.
        """
        click, consent, visitor = applied.click, applied.facts.consent, applied.entry.visitor
        actions = self._actions
        assert visitor is not None
        allowed, reasons = context.mask, withheld.reasons
        if visitor.exposure.servings is not servings:
            allowed = allowed_now(applied, actions, context.session_risk) & ~withheld.bits
        if context.arm == HOLD_OUT and (held := allowed & ~(1 << actions.none)):
            allowed, reasons = 1 << actions.none, {**reasons, HOLDOUT: reasons.get(HOLDOUT, 0) | held}
        if self._purse is not None and (lacking := self._purse.blocked(click.ts) & allowed):
            self._purse.withheld(lacking)
            allowed, reasons = allowed & ~lacking, {**reasons, BUDGET: lacking}
        draw = draw_for(actions, click.event_id)
        decision = sample(actions, evaluation, allowed, draw)
        opening = None
        if consent and decision.position != actions.none:
            opening = self._serve(applied.entry, visitor, click, decision)
        if allowed != context.mask or reasons is not withheld.reasons:
            context = _masked(context, allowed, reasons)
        return Decided(context.purchase_probability, context, draw, decision, opening)

    def _serve(
        self, entry: VisitorEntry, visitor: Visitor, click: Click, decision: Decision
    ) -> Opening | None:
        identity, before = decision_id(click.event_id, self._actions.placement), visitor.exposure.open
        pushed = exposure.record(visitor.exposure, self._actions, decision.position, identity, click.ts)
        if self._purse is not None:
            self._purse.charge(decision.position, click.ts)
        schedule_close(visitor, click.ts, self._config)
        if visitor.exposure.open is before:
            return None
        opening = self._chunk.joins.open(entry, exposure.decision_hash(identity))
        if pushed:
            self._chunk.count([pushed])
            self._chunk.joins.note(entry, [pushed], click.ts)
        return opening


def _masked(context: Context, mask: int, reasons: Mapping[str, int]) -> Context:
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
        context.experiment,
        context.arm,
        dict(reasons) if reasons else None,
    )
