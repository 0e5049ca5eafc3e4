"""The three answers to a click, as messages."""

from functools import lru_cache
from typing import get_args

import msgspec

from models.contract.decision_context import Stage
from models.contract.events import EVENTS
from models.contract.predictions import FallbackTier, InputFlags
from models.decisions.actions_file import DEFAULT_POLICY, ONE
from models.decisions.decision import Decision
from models.decisions.policy import Policy
from models.features.features import FEATURES_VERSION
from streams.effects import NO_HEADERS, Message
from streams.pipeline.chunk import Applied, Decided

#: Most texts that a cache of this module holds.
MAX_CACHED = 4096
_encode = msgspec.json.Encoder().encode
#: JSON of the event and stage names in a context.
_WORDS = {word: _encode(word) for word in (*EVENTS, *get_args(Stage))}


@lru_cache(MAX_CACHED)
def input_flags(flags: int) -> bytes:
    """The field `input_flags` and a comma as JSON, for `Click.flags`; nothing where no flag is set."""
    return b'"input_flags":%b,' % _encode(InputFlags.of(flags)) if flags else b""


class PolicyTexts:
    """Cached JSON of a policy's recurring fields, by distribution, action and alternative."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._known: dict[tuple[int, str, str, bool], tuple[dict[str, float], tuple[bytes, bytes]]] = {}

    def around_draw(self, decision: Decision) -> tuple[bytes, bytes]:
        """The JSON between decision id and draw, and between draw and the context's first value."""
        probabilities = decision.probabilities
        key = (id(probabilities), decision.action, decision.would_have, decision.explored)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MAX_CACHED:
                self._known.clear()
            # The distribution is kept beside its texts, or another one could get its id.
            known = self._known[key] = probabilities, self._worded(decision)
        return known[1]

    def _worded(self, decision: Decision) -> tuple[bytes, bytes]:
        before = {
            "placement": self.policy.actions.placement,
            "action": decision.action,
            "propensity": decision.propensity,
            "probabilities": decision.probabilities,
            "policy_version": self.policy.version,
            **({} if self.policy.name == DEFAULT_POLICY else {"policy": self.policy.name}),
            "explored": decision.explored,
        }
        after = b',"would_have":%b,"context":{"purchase_probability":' % _encode(decision.would_have)
        return b"," + _encode(before)[1:-1] + b',"draw":', after


class AnswerEncoder:
    """Writes the answers of one chunk as JSON; fields common to all of them are encoded once.

    The fields and their order are those of `models.contract.predictions`; a test holds the two together.
    """

    def __init__(
        self, wording: PolicyTexts, model_version: str, catalogue_version: str, scored_at: int
    ) -> None:
        self._around_draw = wording.around_draw
        self._placement = _encode(wording.policy.actions.placement)[1:]
        versions = map(_encode, (model_version, catalogue_version, FEATURES_VERSION))
        made = b',"model_version":%b,"catalogue_version":%b,"features_version":%b' % tuple(versions)
        self._common = {
            tier: b'%b,"rung":%b,"scored_at":%d,' % (made, _encode(tier), scored_at) for tier in FallbackTier
        }

    def answers(
        self, applied: Applied, decided: Decided, tier: FallbackTier, items: bytes, forecasts: bytes = b""
    ) -> tuple[Message, Message, Message]:
        """Purchase intent, recommendations and decision for one click; `items` and `forecasts` as JSON."""
        key, click = applied.key, applied.click
        event, visitor = _encode(click.event_id), _encode(click.visitor_id)
        common, flags = self._common[tier], input_flags(click.flags)
        head = b'{"event_id":%b,"visitor_id":%b,"ts":%d%b%b' % (event, visitor, click.ts, common, flags)
        place = (decided.probability, visitor[:-1], applied.session, applied.facts.position)
        said = (head, *place, forecasts)
        intent = b'%b"purchase_probability":%a,"session_id":%b:%d","session_clicks":%d%b}' % said
        return (
            (key, intent, NO_HEADERS),
            (key, b'%b"items":%b}' % (head, items), NO_HEADERS),
            (key, self._decision(head, event, decided), NO_HEADERS),
        )

    def _decision(self, head: bytes, event: bytes, decided: Decided) -> bytes:
        chosen, asked = decided.decision, decided.context
        before, after = self._around_draw(chosen)
        draw = decided.draw / ONE
        decision = b'"decision_id":%b:%b%b%a%b' % (event[:-1], self._placement, before, draw, after)
        context = b'%a,"stage":%b,"cart_milli":%d,"event":%b,"click":%d,"mask":%d%b%b%b' % (
            asked.purchase_probability,
            _WORDS[asked.stage],
            asked.cart_milli,
            _WORDS[asked.event],
            asked.click,
            asked.mask,
            b"" if asked.session_risk is None else b',"session_risk":%a' % asked.session_risk,
            b"" if asked.consent else b',"consent":false',
            b"" if asked.vector is None else b',"vector":%b' % _encode(asked.vector),
        )
        return b"%b%b%b}}" % (head, decision, context)
