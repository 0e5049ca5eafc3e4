"""The actions file: structs that mirror the TOML and reject what does not belong in it.

Errors name the entry, the value found, what was expected and what to do.
"""

import tomllib
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
import xxhash

from models.errors import PathcastError
from models.events import EVENTS

MAX_ACTIONS: Final = 32
MIN_EPSILON: Final = 1e-6  # below it, an action's share of the draw's 2^53 steps would lose precision

Kind = Literal["ad", "coupon", "free_shipping", "nudge", "none"]
Stage = Literal["browsing", "cart", "checkout", "bought"]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}\Z")]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Amount = Annotated[float, msgspec.Meta(ge=0.0, le=1e9)]
Weight = Annotated[float, msgspec.Meta(ge=0.0, le=1e6)]


class ActionsError(PathcastError):
    """The actions file cannot be used."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Caps(_Strict, frozen=True):
    """Most servings per session and per UTC day, and the least minutes between two; None is no limit."""

    per_session: Positive | None = None
    per_day: Positive | None = None
    cooldown_minutes: Positive | None = None


class When(_Strict, frozen=True):
    """When the rules prefer an action: all given conditions hold; an empty one always does."""

    min_probability: Share | None = None
    max_probability: Share | None = None
    stages: Annotated[list[Stage], msgspec.Meta(min_length=1)] | None = None
    min_cart_value: Amount | None = None
    events: Annotated[list[str], msgspec.Meta(min_length=1)] | None = None


class Action(_Strict, frozen=True):
    """One entry of the file; among the actions preferred by their rules the heaviest wins."""

    name: Name
    kind: Kind
    weight: Weight = 1.0
    caps: Caps = Caps()
    when: When = When()


class File(_Strict, frozen=True):
    """All of it: a placement's actions and the share of decisions that explore."""

    placement: Name
    epsilon: Share
    actions: list[Action]


def action_hash(name: str) -> int:
    """The 32-bit key of an action in the state: stable when actions are added, removed or reordered."""
    return xxhash.xxh3_64_intdigest(name.encode()) & 0xFFFF_FFFF


def parse(text: str | bytes) -> File:
    """Reads TOML. Raises ActionsError."""
    try:
        document = tomllib.loads(text.decode() if isinstance(text, bytes) else text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ActionsError(f"actions file: not TOML in UTF-8: {error}; correct it there") from error
    try:
        file = msgspec.convert(document, File)
    except msgspec.ValidationError as error:
        raise ActionsError(_explain(document, str(error))) from error
    _check(file)
    return file


def _explain(document: dict[str, Any], message: str) -> str:
    """msgspec says what it expected and the path; this adds the action's name and the value found."""
    expected, _, path = message.partition(" - at `$")
    where, value = "", document
    for step in path.rstrip("`").replace("[", ".").replace("]", "").split(".")[1:]:
        value = value[int(step)] if isinstance(value, list) else value.get(step)  # type: ignore[assignment]
        where += f"{'.' if where else ''}{step}" if not step.isdigit() else f"[{step}]"
        if isinstance(value, dict) and "name" in value:
            where += f" ({value['name']})"
    if expected.startswith("Invalid enum value"):
        choices = get_args(Stage if "stages" in where else Kind)
        expected = f"Expected one of {', '.join(choices)}"
    return f"actions file, {where or 'top level'}: {expected}; found {value!r}; correct the entry"


def _check(file: File) -> None:
    hashes = [action_hash(action.name) for action in file.actions]
    nones = [action.name for action in file.actions if action.kind == "none"]
    if len(nones) != 1:
        _fail("actions", f"{len(nones)} of kind 'none' {nones}", "exactly one", "add or remove one")
    if len(file.actions) > MAX_ACTIONS:
        _fail("actions", f"{len(file.actions)} actions", f"at most {MAX_ACTIONS}", "remove some")
    if 0.0 < file.epsilon < MIN_EPSILON:
        _fail("epsilon", repr(file.epsilon), f"0 or at least {MIN_EPSILON}", "raise it")
    for position, action in enumerate(file.actions):
        where = f"actions[{position}] ({action.name})"
        if hashes.index(hashes[position]) != position:
            _fail(where, f"name {action.name!r} again", "names (and their hashes) once", "rename it")
        _check_action(action, where)


def _check_action(action: Action, where: str) -> None:
    if action.kind == "none" and action != Action(action.name, "none"):
        _fail(
            where, "weight, caps or when on 'none'", "none of them: it is what always remains", "remove them"
        )
    when = action.when
    for event in when.events or ():
        if event not in EVENTS:
            _fail(f"{where}.when.events", repr(event), f"one of {', '.join(EVENTS)}", "correct the name")
    low, high = when.min_probability, when.max_probability
    if low is not None and high is not None and low >= high:
        _fail(f"{where}.when", f"min_probability {low}, max_probability {high}", "min < max", "swap them")


def _fail(where: str, found: str, expected: str, action: str) -> None:
    raise ActionsError(f"actions file, {where}: found {found}; expected {expected}; {action}")
