"""The three answers to a click, as messages."""

from collections.abc import Sequence
from functools import lru_cache
from typing import get_args

import msgspec

from models.contract.decision_context import Context, Stage
from models.contract.events import EVENTS, Click
from models.contract.predictions import FallbackTier, InputFlags
from models.decisions.action_distribution import Distribution
from models.decisions.actions_file import DEFAULT_POLICY, ONE
from models.decisions.decision import Decision, creative_of, decision_id
from models.decisions.policy import Policy
from models.features.features import FEATURES_VERSION
from models.feedback import reward_records as records
from models.feedback.reward_records import KeptDecision
from streams.effects import NO_HEADERS, Message
from streams.pipeline.chunk import Applied, Decided

#: Most texts that a cache of this module holds.
MAX_CACHED = 4096
_encode = msgspec.json.Encoder().encode
#: JSON of the event and stage names in a context.
_WORDS = {word: _encode(word) for word in (*EVENTS, *get_args(Stage))}
#: JSON of whether a decision explored, and the name of what follows it.
_EXPLORED = (b',"explored":false,"draw":', b',"explored":true,"draw":')
#: msgspec writes smaller numbers without an exponent.
_PLAIN = 1e-4


def number(value: float) -> bytes:
    """A float as JSON, as `repr` writes it; msgspec does it in a tenth of the time."""
    return _encode(value) if value >= _PLAIN else repr(value).encode()


@lru_cache(MAX_CACHED)
def input_flags(flags: int) -> bytes:
    """The field `input_flags` and a comma as JSON, for `Click.flags`; nothing where no flag is set."""
    return b'"input_flags":%b,' % _encode(InputFlags.of(flags)) if flags else b""


class PolicyTexts:
    """JSON of a policy's recurring fields, by action, distribution and alternative.

    Few distributions that are shared between decisions recur, so their texts are kept.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        actions = policy.actions
        named = b"" if policy.name == DEFAULT_POLICY else b',"policy":%b' % _encode(policy.name)
        acting = b',"placement":%b,"action":%%b,"propensity":' % _encode(actions.placement)
        self._acting = [acting % _encode(name) for name in actions.names]
        self._made = b',"policy_version":%b%b' % (_encode(policy.version), named)
        self._after = {
            name: b',"would_have":%b,"context":{"purchase_probability":' % _encode(name)
            for name in actions.names
        }
        self._known: dict[tuple[int, int], tuple[Distribution, bytes]] = {}
        self._latest: tuple[Decision, bytes] | None = None

    def worded(self, decision: Decision) -> tuple[bytes, bytes, bytes]:
        """The JSON between decision id and draw, between draw and the context's first value, and of a reward.

        The reward's are the fields from placement to policy, with a comma before each.
        """
        said = self._said(decision)
        return said + _EXPLORED[decision.explored], self._after[decision.would_have], said

    def _said(self, decision: Decision) -> bytes:
        if isinstance(decision.distribution, Distribution):
            return self._shared(decision, decision.distribution)
        # A decision that is served is asked for twice.
        latest = self._latest
        if latest is None or latest[0] is not decision:
            latest = self._latest = decision, self._written(decision)
        return latest[1]

    def _shared(self, decision: Decision, distribution: Distribution) -> bytes:
        key = id(distribution), decision.position
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MAX_CACHED:
                self._known.clear()
            # The distribution is kept beside its text, or another one could get its id.
            known = self._known[key] = distribution, self._written(decision)
        return known[1]

    def _written(self, decision: Decision) -> bytes:
        return b'%b%b,"probabilities":%b%b' % (
            self._acting[decision.position],
            _encode(decision.propensity),
            decision.distribution.text,
            self._made,
        )


class AnswerEncoder:
    """Writes the answers of one chunk as JSON; fields common to all of them are encoded once.

    The fields and their order are those of `models.contract.predictions`; a test holds the two together.
    """

    def __init__(
        self, wording: PolicyTexts, model_version: str, catalogue_version: str, scored_at: int
    ) -> None:
        self._worded, self._actions = wording.worded, wording.policy.actions
        self._policy = wording.policy.name
        actions = wording.policy.actions
        self._name, self._placement = actions.placement, _encode(actions.placement)[1:]
        self._creatives = {one.name: one.creatives for one in actions.actions if one.creatives}
        versions = map(_encode, (model_version, catalogue_version, FEATURES_VERSION))
        self._model = _encode(model_version)
        self._made = b',"model_version":%b,"catalogue_version":%b,"features_version":%b' % tuple(versions)
        self._scored_at = scored_at
        self._common: dict[FallbackTier, bytes] = {}

    def answers(
        self, applied: Applied, decided: Decided, tier: FallbackTier, items: bytes, forecasts: bytes = b""
    ) -> tuple[Message, Message, Message]:
        """Purchase intent, recommendations and decision for one click; `items` and `forecasts` as JSON."""
        key, probability = applied.key, number(decided.probability)
        event, visitor = _encode(applied.click.event_id), _encode(applied.click.visitor_id)
        head = self._head(applied.click, event, visitor, tier)
        place = (head, probability, visitor[:-1], applied.session, applied.facts.position, forecasts)
        intent = b'%b"purchase_probability":%b,"session_id":%b:%d","session_clicks":%d%b}' % place
        return (
            (key, intent, NO_HEADERS),
            (key, b'%b"items":%b}' % (head, items), NO_HEADERS),
            (key, self._decision(head, applied.click, event, probability, decided), NO_HEADERS),
        )

    def decision(self, applied: Applied, decided: Decided, tier: FallbackTier) -> Message:
        """The decision for one click alone."""
        click = applied.click
        event, visitor = _encode(click.event_id), _encode(click.visitor_id)
        head, probability = self._head(click, event, visitor, tier), number(decided.probability)
        return applied.key, self._decision(head, applied.click, event, probability, decided), NO_HEADERS

    def _head(self, click: Click, event: bytes, visitor: bytes, tier: FallbackTier) -> bytes:
        common = self._common.get(tier) or self._of_tier(tier)
        flags = input_flags(click.flags) if click.flags else b""
        return b'{"event_id":%b,"visitor_id":%b,"ts":%d%b%b' % (event, visitor, click.ts, common, flags)

    def kept(self, click: Click, decided: Decided) -> bytes:
        """What the state keeps of a decision until its window closes."""
        decision, event, visitor = decided.decision, _encode(click.event_id), _encode(click.visitor_id)
        shown = self._creatives.get(decision.action)
        said = b'%b%b,"context":%b,"model_version":%b' % (
            b"" if shown is None else self._creative(click.event_id, shown),
            self._worded(decision)[2],
            _encode(decided.context),
            self._model,
        )
        text = records.decision_text(event, self._placement, visitor, said, click.ts)
        cost = self._actions.actions[decision.position].cost or 0.0
        arm = decided.context.experiment or "", decided.context.arm or ""
        place = self._name, self._policy, decision.action
        return records.encode(KeptDecision(text, cost, *place, *arm))

    def _of_tier(self, tier: FallbackTier) -> bytes:
        made = b'%b,"rung":%b,"scored_at":%d,' % (self._made, _encode(tier), self._scored_at)
        self._common[tier] = made
        return made

    def _decision(
        self, head: bytes, click: Click, event: bytes, probability: bytes, decided: Decided
    ) -> bytes:
        asked = decided.context
        before, after, _ = self._worded(decided.decision)
        shown = self._creatives.get(decided.decision.action)
        return (
            b'%b"decision_id":%b:%b%b%b%b%b%b,"stage":%b,"cart_milli":%d,"event":%b,"click":%d,"mask":%d%b}}'
            % (
                head,
                event[:-1],
                self._placement,
                b"" if shown is None else self._creative(click.event_id, shown),
                before,
                number(decided.draw / ONE),
                after,
                probability,
                _WORDS[asked.stage],
                asked.cart_milli,
                _WORDS[asked.event],
                asked.click,
                asked.mask,
                _rest(asked),
            )
        )

    def _creative(self, event_id: str, creatives: Sequence[str]) -> bytes:
        identity = decision_id(event_id, self._name)
        return b',"creative":%b' % _encode(creative_of(identity, creatives))


def _rest(context: Context) -> bytes:
    """The fields of a context that are left out at their defaults."""
    risk, vector = context.session_risk, context.vector
    made = b"" if risk is None else b',"session_risk":%b' % number(risk)
    if not context.consent:
        made += b',"consent":false'
    if vector is not None:
        made += b',"vector":%b' % _encode(vector)
    if context.experiment is not None:
        made += b',"experiment":%b,"arm":%b' % (_encode(context.experiment), _encode(context.arm))
    return made if context.withheld is None else b'%b,"withheld":%b' % (made, _encode(context.withheld))
