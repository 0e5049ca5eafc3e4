"""Evaluate a placement's rules: the preferred action of a context, and the actions closed to exploration.

Rules are grouped by event and stage, of which there are few; only conditions on numbers remain per click.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from models.decisions.actions import ActionSet
from models.decisions.actions_file import When


class Rule(NamedTuple):
    """An action's conditions on numbers; those on event and stage already hold."""

    position: int
    bit: int
    low: float
    high: float
    cart_milli: int


class Ruling(NamedTuple):
    """The rules in play at an event and stage.

    `preferring` are the rules of preference, heaviest first. Exploration may never choose the actions `never`
    (bits), and those of `exploring` only where their rule holds.
    """

    none: int
    preferring: tuple[Rule, ...]
    never: int
    exploring: tuple[Rule, ...]

    def preferred(self, probability: float, cart_milli: int, mask: int) -> int:
        """Position of the heaviest action of the mask whose rule holds, else `none`; cart in thousandths."""
        for position, bit, low, high, least in self.preferring:
            if bit & mask and low <= probability < high and cart_milli >= least:
                return position
        return self.none

    def barred(self, probability: float, cart_milli: int) -> int:
        """The actions that exploration may not choose, as bits by position."""
        bits = self.never
        for _, bit, low, high, least in self.exploring:
            if not low <= probability < high or cart_milli < least:
                bits |= bit
        return bits


class Rules:
    """The rules of an action set, compiled on first use of an event and stage."""

    def __init__(self, actions: ActionSet) -> None:
        self._actions = actions
        self._known: dict[tuple[str, str], Ruling] = {}

    def at(self, event: str, stage: str) -> Ruling:
        """The rules in play at an event and stage."""
        found = self._known.get((event, stage))
        if found is None:
            preferring = _preferring(self._actions, event, stage)
            found = Ruling(self._actions.none, preferring, *_barring(self._actions, event, stage))
            self._known[event, stage] = found
        return found


def _preferring(actions: ActionSet, event: str, stage: str) -> tuple[Rule, ...]:
    """The rules that an event at a stage leaves in play, heaviest first, file order among equals."""
    whens = [action.when for action in actions.actions]
    found = [rule for rule in _in_play(whens, event, stage) if rule.position != actions.none]
    return tuple(sorted(found, key=lambda rule: (-actions.actions[rule.position].weight, rule.position)))


def _barring(actions: ActionSet, event: str, stage: str) -> tuple[int, tuple[Rule, ...]]:
    in_play = _in_play(actions.explored, event, stage)
    never = actions.all_bits & ~sum(rule.bit for rule in in_play)
    return never, tuple(rule for rule in in_play if bounds(actions.explored[rule.position]) != _ANY)


def _in_play(whens: Iterable[When], event: str, stage: str) -> list[Rule]:
    return [
        Rule(position, 1 << position, *bounds(when))
        for position, when in enumerate(whens)
        if (when.events is None or event in when.events) and (when.stages is None or stage in when.stages)
    ]


#: Bounds of a rule without conditions on numbers.
_ANY: Final = (0.0, 2.0, 0)


def bounds(when: When) -> tuple[float, float, int]:
    """Lowest probability, the one it must be below, and the least cart in thousandths."""
    high = _ANY[1] if when.max_probability is None else when.max_probability
    return when.min_probability or 0.0, high, round((when.min_cart_value or 0.0) * 1000)
