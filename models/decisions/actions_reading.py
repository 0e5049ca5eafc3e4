"""Parse and validate the actions file.

Errors name the entry, the value found, what was expected and what to do.
"""

import tomllib
from typing import Any, get_args

import msgspec

from models.contract.decision_context import Stage
from models.contract.events import EVENTS
from models.decisions.actions_file import (
    MAX_ACTIONS,
    MIN_EPSILON,
    ONE,
    Action,
    ActionsError,
    ActionsFile,
    Kind,
    When,
    action_hash,
)


def parse(text: str | bytes) -> ActionsFile:
    """Reads TOML. Raises ActionsError."""
    try:
        document = tomllib.loads(text.decode() if isinstance(text, bytes) else text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ActionsError(f"actions file: not TOML in UTF-8: {error}; correct it there") from error
    try:
        file = msgspec.convert(document, ActionsFile)
    except msgspec.ValidationError as error:
        raise ActionsError(_explain(document, str(error))) from error
    _check(file)
    return file


def _explain(document: dict[str, Any], message: str) -> str:
    """msgspec's message (expectation and path) with the action's name and the value found."""
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


def _check(file: ActionsFile) -> None:
    hashes = [action_hash(action.name) for action in file.actions]
    nones = [action.name for action in file.actions if action.kind == "none"]
    if len(nones) != 1:
        _fail("actions", f"{len(nones)} of kind 'none' {nones}", "exactly one", "add or remove one")
    if len(file.actions) > MAX_ACTIONS:
        _fail("actions", f"{len(file.actions)} actions", f"at most {MAX_ACTIONS}", "remove some")
    _check_epsilon("epsilon", file.epsilon)
    for position, action in enumerate(file.actions):
        where = f"actions[{position}] ({action.name})"
        if hashes.index(hashes[position]) != position:
            _fail(where, f"name {action.name!r} again", "names (and their hashes) once", "rename it")
        _check_action(action, where)
    _check_sum(file)


def _check_epsilon(where: str, epsilon: float | None) -> None:
    if epsilon is not None and 0.0 < epsilon < MIN_EPSILON:
        _fail(where, repr(epsilon), f"0 or at least {MIN_EPSILON}", "raise it")


def _check_sum(file: ActionsFile) -> None:
    """The file's epsilon and the actions' own are shares of the same decisions: at most 1 together."""
    own = {action.name: action.epsilon for action in file.actions if action.epsilon is not None}
    shares = [file.epsilon, *own.values()]
    if sum(int(share * ONE) for share in shares) > ONE:
        said = ", ".join(f"{name} {share}" for name, share in own.items())
        _fail(
            "epsilon",
            f"{file.epsilon} for all and {said}, together {sum(shares):g}",
            "a sum of at most 1",
            "lower one of them",
        )


def _check_action(action: Action, where: str) -> None:
    if action.kind == "none" and action != Action(action.name, "none"):
        _fail(
            where,
            "more than a name on 'none', such as weight, caps or when",
            "nothing else: it always remains",
            "remove the rest",
        )
    _check_epsilon(f"{where}.epsilon", action.epsilon)
    _check_rule(action.when, f"{where}.when")
    if action.explore_when is not None:
        _check_rule(action.explore_when, f"{where}.explore_when")


def _check_rule(when: When, where: str) -> None:
    for event in when.events or ():
        if event not in EVENTS:
            _fail(f"{where}.events", repr(event), f"one of {', '.join(EVENTS)}", "correct the name")
    low, high = when.min_probability, when.max_probability
    if low is not None and high is not None and low >= high:
        _fail(where, f"min_probability {low}, max_probability {high}", "min < max", "swap them")


def _fail(where: str, found: str, expected: str, action: str) -> None:
    raise ActionsError(f"actions file, {where}: found {found}; expected {expected}; {action}")
