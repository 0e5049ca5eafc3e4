"""Parse and validate the actions file.

Errors name the entry, the value found, what was expected and what to do.
"""

import tomllib
from collections.abc import Sequence
from typing import Any, Final, NoReturn, get_args

import msgspec

from models.constraints import limit_checks
from models.constraints.fields import Pacing
from models.constraints.toml_lines import line_of, with_moments
from models.contract.decision_context import Stage
from models.contract.events import EVENTS
from models.decisions.actions_file import (
    MAX_ACTIONS,
    MIN_EPSILON,
    ONE,
    Action,
    ActionsError,
    ActionsFile,
    IntentState,
    Kind,
    When,
    action_hash,
)
from models.feedback.reward_mix import CostWhen

#: How msgspec names the place of a value whose key the file chose.
_ANY_KEY: Final = "[...]"


def parse(text: str | bytes) -> ActionsFile:
    """Reads the TOML of one placement. Raises ActionsError, also where there are several."""
    files = parse_all(text)
    if len(files) > 1:
        raise ActionsError(f"actions file: found {len(files)} placements; expected one; name one of them")
    return files[0]


def parse_all(text: str | bytes) -> list[ActionsFile]:
    """Reads TOML of one placement, or of several in `[[placements]]`. Raises ActionsError with the line."""
    try:
        said = text.decode() if isinstance(text, bytes) else text
        document = tomllib.loads(said)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ActionsError(f"actions file: not TOML in UTF-8: {error}; correct it there") from error
    try:
        return _files(document)
    except _Wrong as wrong:
        line = line_of(said, wrong.where)
        raise ActionsError(f"{wrong}{f' (line {line})' if line else ''}") from wrong


def _files(document: dict[str, Any]) -> list[ActionsFile]:
    entries = document.pop("placements", None)
    if entries is None:
        return [_file(document, "")]
    if not isinstance(entries, list) or not entries or not all(isinstance(one, dict) for one in entries):
        _fail("placements", repr(entries)[:60], "one [[placements]] or more", "correct it")
    for name in ("placement", "epsilon", "actions", "policy"):
        if name in document:
            _fail(name, "it beside [[placements]]", "it in each of them", "move it there")
    files = [_file({**document, **one}, f"placements[{at}]") for at, one in enumerate(entries)]
    _check_together(files)
    return files


def _file(document: dict[str, Any], prefix: str) -> ActionsFile:
    try:
        file = msgspec.convert(with_moments(document), ActionsFile)
    except msgspec.ValidationError as error:
        raise _explain(document, str(error), prefix) from error
    _check(file, f"{prefix}." if prefix else "")
    return file


class _Wrong(ActionsError):
    """An entry is wrong; `where` is its place."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where = where


def _explain(document: dict[str, Any], message: str, prefix: str) -> ActionsError:
    """msgspec's message (expectation and path) with the action's name and the value found."""
    expected, _, path = message.replace("`key` in ", "").partition(" - at `$")
    where, value = "", document
    for step in path.partition(_ANY_KEY)[0].rstrip("`").replace("[", ".").replace("]", "").split(".")[1:]:
        value = value[int(step)] if isinstance(value, list) else value.get(step)  # type: ignore[assignment]
        where += f"{'.' if where else ''}{step}" if not step.isdigit() else f"[{step}]"
        if isinstance(value, dict) and "name" in value:
            where += f" ({value['name']})"
    if expected.startswith("Invalid enum value"):
        known = {"stages": Stage, "pacing": Pacing, "cost_when": CostWhen, "intent": IntentState}
        choices = get_args(next((known[step] for step in known if step in where), Kind))
        expected = f"Expected one of {', '.join(choices)}"
    place = f"{prefix}{'.' if prefix and where else ''}{where}"
    return _Wrong(
        place, f"actions file, {place or 'top level'}: {expected}; found {value!r}; correct the entry"
    )


def _check_together(files: Sequence[ActionsFile]) -> None:
    """Caps and budgets count an action by its name, whatever the placement."""
    names = [file.placement for file in files]
    known: dict[str, tuple[int, Action]] = {}
    for at, file in enumerate(files):
        if names.index(file.placement) != at:
            _fail(f"placements[{at}].placement", f"{file.placement!r} again", "each name once", "rename it")
        for position, action in enumerate(file.actions):
            first, same = known.setdefault(action.name, (at, action))
            if (same.caps, same.own_flight, same.cost) != (action.caps, action.own_flight, action.cost):
                _fail(
                    f"placements[{at}].actions[{position}] ({action.name})",
                    "other caps, cost, dates or budgets than before",
                    f"the same as in placements[{first}], since uses are counted together",
                    "rename one of the two",
                )
    if len(known) > MAX_ACTIONS:
        _fail("placements", f"{len(known)} names of actions", f"at most {MAX_ACTIONS}", "remove some")


def _check(file: ActionsFile, prefix: str) -> None:
    hashes = [action_hash(action.name) for action in file.actions]
    nones = [action.name for action in file.actions if action.kind == "none"]
    if len(nones) != 1:
        _fail(f"{prefix}actions", f"{len(nones)} of kind 'none' {nones}", "exactly one", "add or remove one")
    if len(file.actions) > MAX_ACTIONS:
        _fail(f"{prefix}actions", f"{len(file.actions)} actions", f"at most {MAX_ACTIONS}", "remove some")
    _check_epsilon("epsilon", file.epsilon)
    for position, action in enumerate(file.actions):
        where = f"{prefix}actions[{position}] ({action.name})"
        if hashes.index(hashes[position]) != position:
            _fail(where, f"name {action.name!r} again", "names (and their hashes) once", "rename it")
        _check_action(action, where)
    _check_sum(file)
    _check_inputs(file, prefix)
    _check_limits(file, prefix)


def _check_inputs(file: ActionsFile, prefix: str) -> None:
    twice = sorted({name for name in file.inputs if file.inputs.count(name) > 1})
    if twice:
        _fail(f"{prefix}inputs", f"{twice[0]!r} twice", "each input once", "remove one")


def _check_limits(file: ActionsFile, prefix: str) -> None:
    """Flights, budgets, segments and audiences."""
    names = [f"{prefix}actions[{position}] ({action.name})" for position, action in enumerate(file.actions)]
    lists = [(f"{name}.do_not_target", a.do_not_target) for name, a in zip(names, file.actions, strict=True)]
    listed = [("do_not_target", file.do_not_target), *lists]
    for problem in (
        *limit_checks.problems(file.actions, file.flights, file.segments, names),
        *limit_checks.unknown_segments(listed, file.segments),
    ):
        _fail(*problem)


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


def _fail(where: str, found: str, expected: str, action: str) -> NoReturn:
    raise _Wrong(where, f"actions file, {where}: found {found}; expected {expected}; {action}")
