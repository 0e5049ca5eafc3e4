"""The actions of a placement, compiled from the actions file: caps, exploration, risk limits."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import xxhash

from models.decisions.actions_file import DEFAULT_POLICY, ONE, Action, ActionsFile, Caps, When, action_hash
from models.decisions.actions_reading import parse
from models.durations import MINUTE_MS

UNLIMITED: Final = 1 << 62


class Cap(NamedTuple):
    """An action's caps, ready for `exposure.mask`; `UNLIMITED` and `-UNLIMITED` never bind."""

    bit: int
    action: int
    per_session: int
    per_day: int
    cooldown_ms: int


class ActionSet(msgspec.Struct, frozen=True):
    """A placement's actions in file order; an action's bit in a mask is `1 << position`.

    `hashes` are the keys of the actions in a visitor's exposure. `shares` are the actions' own epsilons in
    units of 2^-53, None where the file's is shared. `explored` are the rules of exploration by position.
    `risk_limits` are pairs of the highest session risk and the bit of the action that it limits, ascending.
    `policy` names the policy that chooses among them.
    """

    placement: str
    epsilon: float
    actions: tuple[Action, ...]
    names: tuple[str, ...]
    hashes: tuple[int, ...]
    none: int
    all_bits: int
    caps: tuple[Cap, ...]
    shares: tuple[int | None, ...]
    explored: tuple[When, ...]
    risk_limits: tuple[tuple[float, int], ...]
    currency: str = ""
    policy: str = DEFAULT_POLICY

    @classmethod
    def load(cls, text: str | bytes) -> "ActionSet":
        """Reads TOML. Raises ActionsError."""
        file = parse(text)
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
            caps=tuple(_caps(actions, hashes)),
            shares=tuple(None if one.epsilon is None else int(one.epsilon * ONE) for one in actions),
            explored=tuple(action.explored_when for action in actions),
            risk_limits=tuple(
                sorted((a.risk_limit, 1 << i) for i, a in enumerate(actions) if a.risk_limit < 1)
            ),
            currency=file.currency or "",
            policy=file.policy or DEFAULT_POLICY,
        )

    def too_risky(self, risk: float | None) -> int:
        """The actions that a session risk rules out, as bits; None (unknown) rules out none."""
        if risk is None or not self.risk_limits or risk <= self.risk_limits[0][0]:
            return 0
        return sum(bit for limit, bit in self.risk_limits if risk > limit)

    def digest(self, algorithm: str) -> str:
        """A policy's version: digest of its algorithm and of the file, except the currency's name."""
        file = ActionsFile(self.placement, self.epsilon, list(self.actions))
        return xxhash.xxh3_64_hexdigest(msgspec.json.encode((algorithm, file)))


def _caps(actions: Sequence[Action], hashes: tuple[int, ...]) -> list[Cap]:
    return [
        Cap(
            1 << position,
            hashes[position],
            caps.per_session or UNLIMITED,
            caps.per_day or UNLIMITED,
            caps.cooldown_minutes * MINUTE_MS if caps.cooldown_minutes else -UNLIMITED,
        )
        for position, caps in enumerate(action.caps for action in actions)
        if caps != Caps()
    ]
