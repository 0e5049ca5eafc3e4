"""The actions of a placement: what may be offered, to whom first, how often, and where exploration may go."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import xxhash

from models.decisions.actions_file import ONE, Action, ActionsFile, Caps, When, action_hash
from models.decisions.actions_reading import parse
from models.durations import MINUTE_MS

#: Names how decisions are made from a file. Version 1 explored every allowed action everywhere and knew no
#: risk; its decisions are still verified (`earlier`).
ALGORITHM: Final = "epsilon-greedy/2"
EARLIER: Final = "epsilon-greedy/1"
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
    `version` changes with anything that changes a decision.
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
    version: str
    currency: str = ""

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
            version=_version(ALGORITHM, file),
            currency=file.currency or "",
        )

    def too_risky(self, risk: float | None) -> int:
        """The actions not offered at a session risk (None: unknown, which rules out nothing), as bits."""
        if risk is None or not self.risk_limits or risk <= self.risk_limits[0][0]:
            return 0
        return sum(bit for limit, bit in self.risk_limits if risk > limit)


def earlier(actions: ActionSet) -> ActionSet:
    """The same file as the algorithm before read it: to verify decisions that were made by it."""
    return msgspec.structs.replace(
        actions,
        shares=(None,) * len(actions.names),
        explored=(When(),) * len(actions.names),
        risk_limits=(),
        version=_version(EARLIER, ActionsFile(actions.placement, actions.epsilon, list(actions.actions))),
    )


def _version(algorithm: str, file: ActionsFile) -> str:
    # Amounts are the same numbers in any currency.
    content = msgspec.json.encode((algorithm, msgspec.structs.replace(file, currency=None)))
    return xxhash.xxh3_64_hexdigest(content)


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
