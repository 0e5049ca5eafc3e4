"""Records of what became of decisions and recommendations, as JSON.

A decision's part of its record is written when it is made, and kept in the state until its window closes;
`models.contract.rewards` has all fields.
"""

from typing import Final

import msgspec

from models.contract.predictions import FallbackTier
from models.contract.rewards import Ended, JoinedOutcome, RecommendationOutcome
from models.feedback import visitor_outcomes as outcomes
from models.feedback.recommended import TAG_BYTES, UNKNOWN, ClosedList
from models.feedback.reward_mix import RewardMix

TIERS: Final = tuple(FallbackTier)
WINDOW, EVICTED = b"window", b"evicted"
_encode = msgspec.json.Encoder().encode
_NOTHING: Final = b'"outcomes":[],"parts":{},"reward":0.0}'


class KeptDecision(msgspec.Struct, array_like=True, gc=False):
    """A decision in the state: its record's beginning (`text`), its action's cost, and how it is counted.

    `experiment` and `arm` are empty where no experiment decided.
    """

    text: bytes
    cost: float
    placement: str
    policy: str
    action: str
    experiment: str = ""
    arm: str = ""


class Joined(msgspec.Struct, gc=False):
    """A closed decision's record, its outcomes and its reward."""

    record: bytes
    outcomes: list[JoinedOutcome]
    reward: float


encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(KeptDecision).decode


def decision_text(event_id: bytes, placement: bytes, visitor: bytes, said: bytes, ts: int) -> bytes:
    """The beginning of a decision's record; ids are JSON, `placement` JSON without the first quote.

    `said` are the fields between, each with a comma before it.
    """
    return b'{"decision_id":%b:%b,"visitor_id":%b%b,"decided_at":%d' % (
        event_id[:-1],
        placement,
        visitor,
        said,
        ts,
    )


def join(
    kept: KeptDecision, ts: int, closed_at: int, ended: bytes, happened: bytes, window_ms: int, mix: RewardMix
) -> Joined:
    """The whole record of a decision made at `ts` (epoch ms)."""
    begun = b'%b,"closed_at":%d,"ended":"%b",' % (kept.text, closed_at, ended)
    if not happened and (mix.cost_when != "served" or not kept.cost):
        return Joined(begun + _NOTHING, [], 0.0)
    told = outcomes.published(happened, ts, window_ms)
    parts = mix.parts(told, kept.cost)
    reward = mix.reward(parts)
    end = b'"outcomes":%b,"parts":%b,"reward":%b}' % (_encode(told), _encode(parts), _encode(reward))
    return Joined(begun + end, told, reward)


def recommendation_outcome(
    closed: ClosedList, visitor_id: str, closed_at: int, window_ms: int
) -> RecommendationOutcome | None:
    """The record of a followed recommendation; None where its list is not known."""
    followed = closed.followed
    if followed.tier == UNKNOWN:
        return None
    ended: Ended = "evicted" if closed.evicted else "window"
    return RecommendationOutcome(
        recommendation_id=followed.recommendation_id,
        visitor_id=visitor_id,
        model_version=followed.model,
        rung=TIERS[followed.tier].value,
        items=len(followed.tags) // TAG_BYTES,
        recommended_at=followed.ts,
        closed_at=closed_at,
        ended=ended,
        outcomes=outcomes.published(closed.happened, followed.ts, window_ms, followed.tags),
    )
