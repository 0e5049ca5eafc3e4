"""The actions of a placement: what may be offered, to whom first, and how often."""

from typing import Final, NamedTuple

import msgspec
import xxhash

from models.actions_file import Action, Caps, File, action_hash, parse

ALGORITHM: Final = "epsilon-greedy/1"
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

    `hashes` are the keys of the actions in a visitor's exposure; `version` changes with anything that
    changes a decision.
    """

    placement: str
    epsilon: float
    actions: tuple[Action, ...]
    names: tuple[str, ...]
    hashes: tuple[int, ...]
    none: int
    all_bits: int
    caps: tuple[Cap, ...]
    version: str

    @classmethod
    def load(cls, text: str | bytes) -> "ActionSet":
        """Reads TOML. Raises ActionsError."""
        file = parse(text)
        names = tuple(action.name for action in file.actions)
        hashes = tuple(map(action_hash, names))
        return cls(
            placement=file.placement,
            epsilon=file.epsilon,
            actions=tuple(file.actions),
            names=names,
            hashes=hashes,
            none=next(i for i, action in enumerate(file.actions) if action.kind == "none"),
            all_bits=(1 << len(names)) - 1,
            caps=tuple(_caps(file.actions, hashes)),
            version=_version(file),
        )


def _version(file: File) -> str:
    content = msgspec.json.encode((ALGORITHM, file))
    return xxhash.xxh3_64_hexdigest(content)


def _caps(actions: list[Action], hashes: tuple[int, ...]) -> list[Cap]:
    return [
        Cap(
            1 << position,
            hashes[position],
            caps.per_session or UNLIMITED,
            caps.per_day or UNLIMITED,
            caps.cooldown_minutes * 60_000 if caps.cooldown_minutes else -UNLIMITED,
        )
        for position, caps in enumerate(action.caps for action in actions)
        if caps != Caps()
    ]
