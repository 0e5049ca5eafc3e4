"""The actions file: structs that mirror the TOML, with the defaults of what it leaves out."""

from typing import Annotated, Final, Literal

import msgspec
import xxhash

from models.constraints.accounts import own_flight_name
from models.constraints.fields import (
    Budget,
    Expression,
    Flight,
    FlightName,
    HoldOut,
    Moment,
    Pacing,
    SegmentName,
    Untargeted,
)
from models.contract.decision_context import MAX_INPUTS, Stage
from models.errors import PathcastError
from models.feedback.reward_mix import RewardMix

MAX_ACTIONS: Final = 32
MAX_CREATIVES: Final = 64
MIN_EPSILON: Final = 1e-6  # below it, a share of 2^53 units would lose precision
ONE: Final = 1 << 53  # probabilities are multiples of 1 / ONE, as the draw is
#: Kinds that cost the shop something unless the file says otherwise.
COSTLY: Final = ("coupon", "free_shipping")
#: Default highest session risk (probability of automation) for actions with a cost.
MAX_RISK: Final = 0.9
#: The policy of a file that names none.
DEFAULT_POLICY: Final = "rules"

Kind = Literal["ad", "coupon", "free_shipping", "nudge", "none"]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}\Z")]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Amount = Annotated[float, msgspec.Meta(ge=0.0, le=1e9)]
Weight = Annotated[float, msgspec.Meta(ge=0.0, le=1e6)]
Value = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]
#: The classes of the head `intent_state`, in its order (`models.contract.head_table.STATES`).
IntentState = Literal[
    "exploring", "comparing", "price_sensitive", "about_to_leave", "hesitating", "ready_to_buy", "done"
]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class ActionsError(PathcastError):
    """The actions file cannot be used."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Caps(_Strict, frozen=True):
    """Most servings per session and per UTC day, and the fewest minutes between two; None: no limit."""

    per_session: Positive | None = None
    per_day: Positive | None = None
    cooldown_minutes: Positive | None = None


class When(_Strict, frozen=True):
    """A rule: it holds where all given conditions hold; an empty rule always holds."""

    min_probability: Share | None = None
    max_probability: Share | None = None
    stages: Annotated[list[Stage], msgspec.Meta(min_length=1)] | None = None
    min_cart_value: Amount | None = None
    events: Annotated[list[str], msgspec.Meta(min_length=1)] | None = None


class Action(_Strict, frozen=True):
    """One entry of the file; among the actions preferred by their rules (`when`) the heaviest wins.

    `cost`: what one use costs the shop, in currency units. `explore_when` and `epsilon`: where exploration
    may choose the action, and in which share of those decisions. `max_risk`: the highest session risk at
    which it is offered. `costly`, `explored_when` and `risk_limit` are these with the defaults filled in.

    `price`, `category` and `value_at_stake` (what one use may win or forfeit, in currency units) describe it
    to learned policies; `creatives` are the ids of what is shown. `audience` is an expression of whom it may
    be offered to. It belongs to the `flight` that it names, or has dates and budgets of its own.

    `intents` are the states of a session that it is meant for, None: all; `intent_values` what one use brings
    in each state, in currency units, 0 where it is not said. The policies of `models.guidance` read both.
    """

    name: Name
    kind: Kind
    weight: Weight = 1.0
    caps: Caps = Caps()
    when: When = When()
    cost: Amount | None = None
    explore_when: When | None = None
    epsilon: Share | None = None
    max_risk: Share | None = None
    price: Amount | None = None
    category: Word | None = None
    value_at_stake: Amount | None = None
    creatives: Annotated[list[Name], msgspec.Meta(max_length=MAX_CREATIVES)] = []
    audience: Expression | None = None
    do_not_target: list[Untargeted] = []
    flight: FlightName | None = None
    start: Moment | None = None
    end: Moment | None = None
    budget: Budget | None = None
    budget_per_day: Budget | None = None
    pacing: Pacing | None = None
    intents: Annotated[list[IntentState], msgspec.Meta(min_length=1)] | None = None
    intent_values: dict[IntentState, Value] | None = None

    @property
    def costly(self) -> bool:
        """Whether it costs the shop something; coupons and free shipping do unless `cost` is 0."""
        return self.kind in COSTLY if self.cost is None else self.cost > 0

    @property
    def explored_when(self) -> When:
        """The rule of its exploration: an action that costs something is explored where its rule holds."""
        if self.explore_when is not None:
            return self.explore_when
        return self.when if self.costly else When()

    @property
    def risk_limit(self) -> float:
        """The highest session risk at which it is offered; 1: any."""
        if self.max_risk is not None:
            return self.max_risk
        return MAX_RISK if self.costly else 1.0

    @property
    def own_flight(self) -> Flight | None:
        """Its own dates and budgets as a flight; None where it has none."""
        limits = (self.start, self.end, self.budget, self.budget_per_day)
        if all(limit is None for limit in limits):
            return None
        return Flight(own_flight_name(self.name), *limits, self.pacing or "even")


class ActionsFile(_Strict, frozen=True):
    """The whole file: a placement's actions and the share of decisions that explore.

    `currency` is the ISO 4217 code that explanations name amounts in. `policy` is the name of the policy that
    chooses among the actions (`models.decisions.policy_kinds`); None: `rules`. `holdout`, `do_not_target` and
    `flights` limit what is offered; `segments` are named expressions for audiences. `reward` mixes what came
    of a decision to one number, and changes no decision. `inputs` are inputs of the model that decisions of
    `rules` and of learned policies are recorded with, so that policies can be trained from them.
    """

    placement: Name
    epsilon: Share
    actions: list[Action]
    currency: Currency | None = None
    policy: Name | None = None
    holdout: HoldOut | None = None
    do_not_target: list[Untargeted] = []
    segments: dict[SegmentName, Expression] = {}
    flights: list[Flight] = []
    reward: RewardMix = RewardMix()
    inputs: Annotated[list[Word], msgspec.Meta(max_length=MAX_INPUTS)] = []


def action_hash(name: str) -> int:
    """The 32-bit key of an action in the state: stable when actions are added, removed or reordered."""
    return xxhash.xxh3_64_intdigest(name.encode()) & 0xFFFF_FFFF
