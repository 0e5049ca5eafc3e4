"""The full job one click at a time, as a per-event program has it: record and state in, three answers out.

The functions are the worker's own (`models/`), called for one click. Timers are left out, and so are the
panes that only lower fallback tiers read: both would cost the engines that call this more.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from models.contract.catalogue import Catalogue
from models.contract.decision_context import Context
from models.contract.decoder import Decoder
from models.contract.events import Click, Limits
from models.contract.head_table import Kind
from models.contract.predictions import (
    AdDecision,
    InputFlags,
    PurchaseIntent,
    Recommendations,
    encode,
    scored,
)
from models.decisions.actions import ActionSet
from models.decisions.decision import (
    Decision,
    decide,
    decision_id,
    draw_of,
    published,
    record_fields,
    stage_of,
)
from models.decisions.policy_kinds import policy_of
from models.features import features
from models.features.batch import Batcher
from models.registry.versions import Version
from models.scoring.scores import TIERS, Scores
from models.serving import fallback_chain
from models.sessions.lifecycle import BEGIN_CHECKOUT, PURCHASE, SessionConfig, close_expired, schedule_close
from models.sessions.session import step
from models.state import exposure, visitor
from models.state.facts import ClickStatus, Facts
from models.state.visitor import Visitor
from streams.texts.heads_json import HeadsEncoder
from streams.texts.items_json import SCORE_DECIMALS


class Record(NamedTuple):
    """A Kafka record as the decoder reads it; `timestamp` in epoch ms."""

    key: bytes
    value: bytes
    timestamp: int
    headers: tuple[tuple[str, bytes], ...] = ()


class Answered(NamedTuple):
    """The visitor's new record; and purchase intent, recommendations and decision as JSON."""

    state: bytes
    answers: tuple[bytes, bytes, bytes]


@dataclass
class OneClick:
    """Answers one click; `actions` is the text of the actions file."""

    version: Version
    catalogue: Catalogue
    actions: str
    config: SessionConfig = field(default_factory=SessionConfig)

    def __post_init__(self) -> None:
        self._decoder = Decoder(Limits(), self.catalogue)
        self._policy = policy_of(ActionSet.load(self.actions))
        self._heads = HeadsEncoder()
        self._watermarks: dict[int, int] = {}

    def answer(self, record: Record, stored: bytes | None, partition: int) -> Answered | None:
        """None where the click is refused, late or a duplicate."""
        (click,) = self._decoder.decode([record])
        if not isinstance(click, Click):
            return None
        watermark = max(self._watermarks.get(partition, 0), click.ts)
        self._watermarks[partition] = watermark
        known, batcher = visitor.decode(stored) if stored else None, Batcher()
        slot = batcher.visitor(known)
        known, facts = step(known, click, watermark, self.config)
        if facts.status is not ClickStatus.APPLIED:
            return None
        batcher.click(slot, facts.code, facts.position, features.row(known, click, facts))
        scores = self._scores(batcher, facts)
        if hidden := scores.hidden_bytes():
            known.remember(hidden[0], self.version.id64)
        context, decision = self._decided(known, click, facts, watermark, scores)
        return Answered(visitor.encode(known), self._answers(known, click, facts, scores, context, decision))

    def _scores(self, batcher: Batcher, facts: Facts) -> Scores:
        batch = batcher.build()
        if not facts.consent:
            return fallback_chain.fallback(batch, self.version.prior)
        neural = fallback_chain.neural(self.version, batch)
        return neural or fallback_chain.fallback(batch, self.version.prior, self.version.neighbours)

    def _decided(
        self, known: Visitor, click: Click, facts: Facts, watermark: int, scores: Scores
    ) -> tuple[Context, Decision]:
        actions, config = self._policy.actions, self.config
        close_expired(known, facts, watermark, config)
        if facts.consent and click.decision_id is not None:
            outcome = exposure.apply_outcome(known.exposure, click, config.exposure)
            if outcome is not None and outcome.status == "parked":
                schedule_close(known, click.ts, config)
        risk = _risk(scores)
        mask = exposure.mask(known.exposure, actions, click.ts, facts.consent) & ~actions.too_risky(risk)
        context = Context(
            published(float(scores.purchase[0])),
            stage_of(known.cart_items, known.counts[BEGIN_CHECKOUT], known.counts[PURCHASE]),
            known.cart_value,
            click.event,
            facts.position,
            mask,
            risk,
            facts.consent,
        )
        decision = decide(self._policy, context, draw_of(click.event_id))
        if facts.consent and decision.position != actions.none:
            identity = decision_id(click.event_id, actions.placement)
            exposure.record(known.exposure, actions, decision.position, identity, click.ts)
            schedule_close(known, click.ts, config)
        return context, decision

    def _answers(
        self, known: Visitor, click: Click, facts: Facts, scores: Scores, context: Context, decision: Decision
    ) -> tuple[bytes, bytes, bytes]:
        common = self._common(click, scores)
        intent = PurchaseIntent(
            **common,
            purchase_probability=context.purchase_probability,
            session_id=f"{click.visitor_id}:{known.sessions}",
            session_clicks=facts.position,
        )
        values = scores.item_scores[0].astype(float).round(SCORE_DECIMALS).tolist()
        items = scored(scores.item_ids()[0], values)
        recorded = record_fields(self._policy, click.event_id, context, decision, draw_of(click.event_id))
        recorded["context"] = context
        return (
            b"%b%b}" % (encode(intent)[:-1], self._heads.texts(scores)[0]),
            encode(Recommendations(**common, items=items)),
            encode(AdDecision(**common, **recorded)),
        )

    def _common(self, click: Click, scores: Scores) -> Mapping[str, Any]:
        flags = {"input_flags": InputFlags.of(click.flags)} if click.flags else {}
        return {
            "event_id": click.event_id,
            "visitor_id": click.visitor_id,
            "ts": click.ts,
            "model_version": self.version.id,
            "catalogue_version": self.catalogue.version,
            "features_version": features.FEATURES_VERSION,
            "rung": TIERS[scores.tier[0]],
            "scored_at": int(time.time() * 1000),
            **flags,
        }


def _risk(scores: Scores) -> float | None:
    """The published session risk; None where no head gave one."""
    parts = scores.layout.of_kind(Kind.RISK) if scores.layout is not None else []
    if scores.tasks is None or not parts:
        return None
    risk = float(scores.tasks[0, parts[0][1].answers.start])
    return None if risk != risk else round(risk, 4)
