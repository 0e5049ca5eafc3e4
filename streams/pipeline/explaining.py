"""Explanations on answers: for clicks with `explain`, and on demand for a visitor's latest answers.

Best effort: if an explanation fails, the answer is published without it.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from models.contract.decision_context import Context
from models.contract.explanations import IntentExplanation, ItemsExplanation
from models.contract.predictions import FallbackTier, ScoredItem
from models.decisions.decision import draw_for
from models.decisions.policy import Policy
from models.explanation.counterfactuals import Session
from models.explanation.explain import Explained, explain
from models.registry.versions import Version
from streams.effects import Message
from streams.pipeline.chunk import Chunk, Placed
from streams.pipeline.served_policy import ServedPolicy

log = structlog.get_logger("pathcast.explaining")

#: Outcomes, as the metric counts them.
GIVEN, OVER_LIMIT, FAILED = "given", "over_limit", "failed"
_encode = msgspec.json.Encoder().encode
_items = msgspec.json.Decoder(list[ScoredItem]).decode
#: How the tiers below the network choose their items; their probability is a base rate.
_LOWER = {
    FallbackTier.SESSION_KNN: "sessions like this one went on to these items",
    FallbackTier.POPULAR_IN_CATEGORY: "these items are popular in the category",
    FallbackTier.POPULAR: "these items are popular in the whole shop",
}
_BASE_RATE = "the purchase probability is the share of sessions at this stage that bought"
_GONE = "the model that gave it is no longer loaded"
_REFUSED = ", because the visitor has not consented"


def explain_asked(chunk: Chunk, policies: Sequence[Policy], most: int) -> None:
    """Add explanations to the answers of clicks that ask for one, up to `most` of a chunk.

    `policies` are those in use, as `chunk.makers` counts them.
    """
    asked = [number for number, applied in enumerate(chunk.applied) if applied.click.explain]
    if not asked:
        return
    if len(asked) > most:
        chunk.explained[OVER_LIMIT] += len(asked) - most
    for number in asked[:most]:
        try:
            chunk.answers[number] = _explained(chunk, number, policies)
            chunk.explained[GIVEN] += 1
        except Exception as error:  # noqa: BLE001 - whatever it is: the answer stands without it
            chunk.explained[FAILED] += 1
            log.error("not explained", error=type(error).__name__, reason=str(error))


def _explained(chunk: Chunk, number: int, policies: Sequence[Policy]) -> tuple[Message, ...]:
    applied, decided = chunk.applied[number], chunk.decided[number]
    scored = chunk.scored[applied.batch]
    session = Session(*chunk.batchers[applied.batch].session(applied.row))
    ids = [item.item_id for item in _items(scored.items[applied.row])]
    place = scored.tiers[applied.row], chunk.version, session, ids
    told = answered(*place, decided.probability, decided.context.consent)
    reasons = [
        policies[placed.makers[number]].explain(one.context, one.draw)
        for placed in (Placed(chunk.decided, chunk.makers), *chunk.further)
        for one in (placed.decided[number],)
    ]
    parts = zip(chunk.answers[number], (told.intent, told.items, *reasons), strict=True)
    return tuple(_with(message, explanation) for message, explanation in parts)


def _with(message: Message, explanation: msgspec.Struct) -> Message:
    key, value, headers = message
    assert value is not None
    return key, b'%b,"explanation":%b}' % (value[:-1], _encode(explanation)), headers


def answered(
    tier: FallbackTier,
    version: Version | None,
    session: Session,
    ids: Sequence[str],
    probability: float,
    consent: bool,
) -> Explained:
    """Explanations of purchase intent and recommendations for the tier that answered."""
    if tier is FallbackTier.NEURAL and version is not None:
        return explain(version.neural, session, ids)
    told = f"Answered by {tier}{'' if consent else _REFUSED}: "
    base, items = (_GONE, _GONE) if tier is FallbackTier.NEURAL else (_BASE_RATE, _LOWER[tier])
    return Explained(
        IntentExplanation(f"{told}{base}.", probability, 0, [], []),
        ItemsExplanation(f"{told}{items}.", 0, []),
    )


def looked_up(
    answers: Sequence[Message], session: Session, version: Version | None, served: ServedPolicy
) -> dict[str, Any]:
    """Explanations of earlier answers, by the current model version and policy, of the first placement's
    decision; none of one that another policy made.
    """
    intent, items, decision = (msgspec.json.decode(value or b"{}") for _, value, _ in answers[:3])
    tier, ids = FallbackTier(intent["rung"]), [item["item_id"] for item in items["items"]]
    context = msgspec.convert(decision["context"], Context)
    told = answered(tier, version, session, ids, intent["purchase_probability"], context.consent)
    return {
        "event_id": intent["event_id"],
        "model_version": version.id if version else "",
        "intent": msgspec.to_builtins(told.intent),
        "recommendations": msgspec.to_builtins(told.items),
        "decision": _of_decision(served.maker(context), decision, context),
    }


def _of_decision(policy: Policy, decision: dict[str, Any], context: Context) -> dict[str, Any] | None:
    if decision["policy_version"] != policy.version:
        return None
    told: dict[str, Any] = msgspec.to_builtins(
        policy.explain(context, draw_for(policy.actions, decision["event_id"]))
    )
    return told
