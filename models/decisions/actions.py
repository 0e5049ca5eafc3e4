"""The actions of a placement, compiled from the actions file: caps, exploration, risk limits."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import xxhash

from models.constraints.action_limits import ActionLimits, compile_limits
from models.constraints.fields import Flight, HoldOut
from models.decisions.actions_file import DEFAULT_POLICY, ONE, Action, ActionsFile, Caps, When, action_hash
from models.decisions.actions_reading import parse, parse_all
from models.durations import MINUTE_MS
from models.feedback.reward_mix import RewardMix

UNLIMITED: Final = 1 << 62


class Cap(NamedTuple):
    """An action's caps, ready for `exposure.mask`; `UNLIMITED` and `-UNLIMITED` never bind."""

    bit: int
    per_session: int
    per_day: int
    cooldown_ms: int


class ActionSet(msgspec.Struct, frozen=True):
    """A placement's actions in file order; an action's bit in a mask is `1 << position`.

    `hashes` are the keys of the actions in a visitor's exposure, and of `caps`. `shares` are the actions' own
    epsilons in units of 2^-53, None where the file's is shared. `explored` are the rules of exploration by
    position. `risk_limits` are pairs of the highest session risk and the bit of the action that it limits,
    ascending. `policy` names the policy that chooses among them. `limits` are what else may withhold them.
    `inputs` are inputs of the model on each decision's record.
    `several`: it is one of several placements, whose draws must differ.
    """

    placement: str
    epsilon: float
    actions: tuple[Action, ...]
    names: tuple[str, ...]
    hashes: tuple[int, ...]
    none: int
    all_bits: int
    caps: dict[int, Cap]
    shares: tuple[int | None, ...]
    explored: tuple[When, ...]
    risk_limits: tuple[tuple[float, int], ...]
    currency: str = ""
    policy: str = DEFAULT_POLICY
    holdout: HoldOut | None = None
    do_not_target: tuple[str, ...] = ()
    segments: dict[str, str] = {}
    flights: tuple[Flight, ...] = ()
    reward: RewardMix = RewardMix()
    inputs: tuple[str, ...] = ()

    limits: ActionLimits = ActionLimits()
    several: bool = False

    @classmethod
    def load(cls, text: str | bytes) -> "ActionSet":
        """Reads TOML of one placement. Raises ActionsError, also where there are several."""
        return cls.of(parse(text))

    @classmethod
    def load_all(cls, text: str | bytes) -> tuple["ActionSet", ...]:
        """Reads TOML; one action set for each placement. Raises ActionsError."""
        files = parse_all(text)
        return tuple(cls.of(file, len(files) > 1) for file in files)

    @classmethod
    def of(cls, file: ActionsFile, several: bool = False) -> "ActionSet":
        """The action set of a placement, one of `several` or the only one."""
        actions = tuple(file.actions)
        names = tuple(action.name for action in actions)
        hashes = tuple(map(action_hash, names))
        return cls(
            placement=file.placement,
            epsilon=file.epsilon,
            actions=actions,
            names=names,
            hashes=hashes,
            none=next(i for i, action in enumerate(actions) if action.kind == "none"),
            all_bits=(1 << len(names)) - 1,
            caps=_caps(actions, hashes),
            shares=tuple(None if one.epsilon is None else int(one.epsilon * ONE) for one in actions),
            explored=tuple(action.explored_when for action in actions),
            risk_limits=tuple(
                sorted((a.risk_limit, 1 << i) for i, a in enumerate(actions) if a.risk_limit < 1)
            ),
            currency=file.currency or "",
            policy=file.policy or DEFAULT_POLICY,
            holdout=file.holdout,
            do_not_target=tuple(file.do_not_target),
            segments=file.segments,
            flights=tuple(file.flights),
            limits=compile_limits(
                actions,
                next(i for i, action in enumerate(actions) if action.kind == "none"),
                file.flights,
                file.holdout,
                file.do_not_target,
                file.segments,
            ),
            several=several,
            reward=file.reward,
            inputs=tuple(file.inputs),
        )

    def too_risky(self, risk: float | None) -> int:
        """The actions that a session risk rules out, as bits; None (unknown) rules out none."""
        if risk is None or not self.risk_limits or risk <= self.risk_limits[0][0]:
            return 0
        return sum(bit for limit, bit in self.risk_limits if risk > limit)

    def digest(self, algorithm: str) -> str:
        """A policy's version: digest of its algorithm and of the file, except currency, reward and inputs."""
        file = ActionsFile(
            self.placement,
            self.epsilon,
            list(self.actions),
            holdout=self.holdout,
            do_not_target=list(self.do_not_target),
            segments=self.segments,
            flights=list(self.flights),
        )
        made = (algorithm, file, "several") if self.several else (algorithm, file)
        return xxhash.xxh3_64_hexdigest(msgspec.json.encode(made))


def _caps(actions: Sequence[Action], hashes: tuple[int, ...]) -> dict[int, Cap]:
    return {
        hashes[position]: Cap(
            1 << position,
            caps.per_session or UNLIMITED,
            caps.per_day or UNLIMITED,
            caps.cooldown_minutes * MINUTE_MS if caps.cooldown_minutes else -UNLIMITED,
        )
        for position, caps in enumerate(action.caps for action in actions)
        if caps != Caps()
    }
