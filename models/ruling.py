"""What a placement's rules say of a context: which action they prefer, and which exploration may not choose.

Rules are kept by event and stage, which a click's context has few of; what is left to compare are numbers.
"""

from collections.abc import Iterable
from typing import NamedTuple

from models.actions import ActionSet
from models.actions_file import When


class Rule(NamedTuple):
    """An action's conditions on numbers; those on event and stage have been taken into account."""

    position: int
    bit: int
    low: float
    high: float
    cart_milli: int

    def holds(self, probability: float, cart_milli: int) -> bool:
        """Whether all of them do; `cart_milli` is in thousandths of the currency."""
        return self.low <= probability < self.high and cart_milli >= self.cart_milli


class Barred(NamedTuple):
    """Actions that exploration may not choose at an event and stage: always (bits), or by a rule."""

    bits: int
    rules: tuple[Rule, ...]


class Rules:
    """The rules of an action set, compiled as contexts come."""

    def __init__(self, actions: ActionSet) -> None:
        self._actions = actions
        self._preferring: dict[tuple[str, str], tuple[Rule, ...]] = {}
        self._barring: dict[tuple[str, str], Barred] = {}

    def preferred(self, key: tuple[str, str], probability: float, cart_milli: int, mask: int) -> int:
        """Position of the heaviest action of the mask whose rule holds at `key` (event, stage), or `none`."""
        rules = self._preferring.get(key)
        if rules is None:
            rules = self._preferring[key] = _preferring(self._actions, *key)
        for rule in rules:
            if rule.bit & mask and rule.holds(probability, cart_milli):
                return rule.position
        return self._actions.none

    def barred(self, key: tuple[str, str], probability: float, cart_milli: int) -> int:
        """The actions whose rule of exploration does not hold, as bits by position."""
        found = self._barring.get(key)
        if found is None:
            found = self._barring[key] = _barring(self._actions, *key)
        bits = found.bits
        for rule in found.rules:
            if not rule.holds(probability, cart_milli):
                bits |= rule.bit
        return bits


def _preferring(actions: ActionSet, event: str, stage: str) -> tuple[Rule, ...]:
    """The rules that an event at a stage leaves in play, heaviest first, file order among equals."""
    whens = [action.when for action in actions.actions]
    found = [rule for rule in _in_play(whens, event, stage) if rule.position != actions.none]
    return tuple(sorted(found, key=lambda rule: (-actions.actions[rule.position].weight, rule.position)))


def _barring(actions: ActionSet, event: str, stage: str) -> Barred:
    in_play = _in_play(actions.explored, event, stage)
    bits = actions.all_bits & ~sum(rule.bit for rule in in_play)
    return Barred(bits, tuple(rule for rule in in_play if actions.explored[rule.position] != When()))


def _in_play(whens: Iterable[When], event: str, stage: str) -> list[Rule]:
    return [
        Rule(position, 1 << position, *_bounds(when))
        for position, when in enumerate(whens)
        if (when.events is None or event in when.events) and (when.stages is None or stage in when.stages)
    ]


def _bounds(when: When) -> tuple[float, float, int]:
    high = 2.0 if when.max_probability is None else when.max_probability
    return when.min_probability or 0.0, high, round((when.min_cart_value or 0.0) * 1000)
