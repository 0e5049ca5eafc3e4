"""The three answers to a click, as messages."""

from typing import Any, NamedTuple

import msgspec

from models.actions import Stage
from models.events import Click
from models.facts import Facts
from models.features import FEATURES_VERSION
from models.policy import Context, Decision, Policy
from models.predictions import AdDecision, PurchaseIntent, Recommendations, Rung, ScoredItem
from streams.effects import NO_HEADERS, Message
from streams.entries import Entry


class Applied(NamedTuple):
    """A click that changed its visitor: `row` is its place in batch number `batch`.

    `stage` and `cart_milli` are the session's as of this click, `watermark` the one it was stepped with.
    """

    key: bytes
    click: Click
    facts: Facts
    entry: Entry
    watermark: int
    batch: int
    row: int
    stage: Stage
    cart_milli: int
    session: int


class Decided(NamedTuple):
    """A click's decision and what it was made from; `probability` is as published."""

    probability: float
    context: Context
    draw: int
    decision: Decision


class Scribe:
    """Encodes the answers of one chunk: what they have in common is set once."""

    def __init__(self, policy: Policy, model_version: str, catalogue_version: str, scored_at: int) -> None:
        self._policy, self._encode = policy, msgspec.json.Encoder().encode
        self._common = {
            "catalogue_version": catalogue_version,
            "features_version": FEATURES_VERSION,
            "scored_at": scored_at,
        }
        self._model_version = model_version

    def answers(
        self, applied: Applied, decided: Decided, rung: Rung, items: list[str], scores: list[float]
    ) -> tuple[Message, Message, Message]:
        """Purchase intent, recommendations and decision for one click."""
        click, key = applied.click, applied.key
        answer: dict[str, Any] = {
            "event_id": click.event_id,
            "visitor_id": click.visitor_id,
            "ts": click.ts,
            "model_version": self._model_version,
            "rung": rung,
            **self._common,
        }
        intent = PurchaseIntent(
            **answer,
            purchase_probability=decided.probability,
            session_id=f"{click.visitor_id}:{applied.session}",
            session_clicks=applied.facts.position,
        )
        listed = Recommendations(**answer, items=list(map(ScoredItem, items, scores)))
        fields = self._policy.fields(click.event_id, decided.context, decided.decision, decided.draw)
        encode = self._encode
        return (
            (key, encode(intent), NO_HEADERS),
            (key, encode(listed), NO_HEADERS),
            (key, encode(AdDecision(**answer, **fields)), NO_HEADERS),
        )
