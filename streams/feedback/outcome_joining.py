"""Within stage decide: a click's outcome goes to its decision or recommendation, its own list is kept."""

from collections.abc import Callable, Sequence

from models.contract.events import Click
from models.contract.predictions import FallbackTier
from models.feedback import recommended
from models.feedback import visitor_outcomes as outcomes
from models.feedback.reward_records import TIERS
from models.sessions.lifecycle import SessionConfig, schedule_close
from models.state import exposure
from models.state.facts import Transition
from models.state.visitor import Visitor
from streams.feedback.joins import Joins
from streams.partition_state.visitors import VisitorEntry

_NUMBERS = {tier: number for number, tier in enumerate(TIERS)}
#: What an outcome named, as the metric counts it.
DECISION, RECOMMENDATION = "decision", "recommendation"


class OutcomeFollower:
    """Follows outcomes in record order; `count` receives what closes, `model` is the version's id."""

    def __init__(
        self,
        joins: Joins,
        count: Callable[[Sequence[Transition]], None],
        model: str,
        config: SessionConfig,
    ) -> None:
        self._joins, self._count, self._config = joins, count, config
        self._model = model.encode()

    def closed(self, entry: VisitorEntry, transitions: Sequence[Transition], now: int) -> None:
        """Attribution windows closed, or newer decisions displaced older ones, at event time `now`."""
        self._count(transitions)
        self._joins.note(entry, transitions, now)

    def follow(self, entry: VisitorEntry, visitor: Visitor, click: Click) -> None:
        """Join the outcome of a click of a visitor who consents."""
        if click.decision_id is not None:
            self._decision(visitor, click)
        if click.recommendation_id is not None:
            self._recommendation(entry, visitor, click)

    def keep(self, visitor: Visitor, click: Click, tier: FallbackTier, tags: bytes) -> None:
        """Keep the list of the click's answer."""
        place = click.event_id, click.ts, _NUMBERS[tier], self._model, tags
        if recommended.note(visitor.recommended, *place):
            schedule_close(visitor, click.ts, self._config)

    def _decision(self, visitor: Visitor, click: Click) -> None:
        outcome = exposure.apply_outcome(visitor.exposure, click, self._config.exposure)
        if outcome is None:
            return
        kind = outcomes.KINDS[outcome.outcome.bit_length() - 1]
        self._joins.fates[DECISION, kind, outcome.status] += 1
        if outcome.status == "parked":
            schedule_close(visitor, click.ts, self._config)

    def _recommendation(self, entry: VisitorEntry, visitor: Visitor, click: Click) -> None:
        window = self._config.exposure.attribution_ms
        followed = recommended.follow(visitor.recommended, click, window)
        if followed is None:
            return
        fate, closed = followed
        kind = outcomes.kind_of(click, outcomes.OF_RECOMMENDATIONS)
        self._joins.fates[RECOMMENDATION, outcomes.KINDS[kind or 0], fate] += 1
        if closed:
            self.closed(entry, closed, click.ts)
        if visitor.recommended.followed:
            oldest = min(one.ts for one in visitor.recommended.followed)
            schedule_close(visitor, oldest, self._config)
