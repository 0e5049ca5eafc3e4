"""Read the TOML file that `pathcast experiment start` takes."""

import tomllib
from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from models.contract.decision_context import HOLD_OUT
from models.contract.updates import ModelUpdate
from models.decisions.actions import ActionSet
from models.decisions.actions_file import Name
from models.decisions.policy_kinds import LEARNED, policy_of
from models.errors import PathcastError
from models.experiments.experiment import Arm, Experiment, ExperimentError, Weight, check

#: From a version of the registry and the actions of its arm to its place and digest. Raises PathcastError
#: where there is no such version, or where it does not fit.
FindVersion = Callable[[str, ActionSet], ModelUpdate]


class DefinitionArm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An arm of the file; `actions` is the path of its actions file."""

    name: Name
    weight: Weight
    actions: str = ""
    policy: str = ""


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file; `hold_out` is the share of visitors who are offered nothing."""

    name: Name
    placement: Name
    arms: list[DefinitionArm]
    salt: Name | None = None
    hold_out: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.0


def read_definition(
    text: str,
    started_at: int,
    own_actions: str,
    read: Callable[[str], str] = str,
    find: FindVersion | None = None,
) -> Experiment:
    """The experiment of a TOML text, checked whole.

    `own_actions` is the worker's actions file (for arms that name none), `read` gives the text of an arm's
    file by its path, `find` the place and digest of a version that an arm names. Raises ExperimentError and
    ActionsError.
    """
    file = _parsed(text)
    arms = [
        Arm(one.name, one.weight, read(one.actions) if one.actions else "", one.policy) for one in file.arms
    ]
    if file.hold_out:
        arms.append(Arm(HOLD_OUT, file.hold_out))
    made = Experiment(
        name=file.name,
        placement=file.placement,
        salt=file.salt or file.name,
        arms=arms,
        started_at=started_at,
    )
    check(made)
    own = own_at(ActionSet.load_all(own_actions), made)
    decided = [_found(made, arm, arm_actions(made, arm, own), find) for arm in arms]
    return msgspec.structs.replace(made, arms=decided)


def _found(experiment: Experiment, arm: Arm, actions: ActionSet, find: FindVersion | None) -> Arm:
    if not arm.versioned:
        return arm
    where = f"experiment {experiment.name}, arm {arm.name}"
    if find is None:
        raise ExperimentError(f"{where}: found the version {arm.policy}; expected none without a registry")
    try:
        update = find(arm.policy, actions)
    except PathcastError as error:
        raise ExperimentError(f"{where}: the version {arm.policy} cannot decide: {error}") from error
    return msgspec.structs.replace(arm, path=update.path, sha256=update.sha256 or "")


def _parsed(text: str) -> Definition:
    try:
        return msgspec.convert(tomllib.loads(text), Definition)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ExperimentError(f"experiment file: not TOML: {error}; correct it there") from error
    except msgspec.ValidationError as error:
        raise ExperimentError(f"experiment file: {error}; correct the entry") from error


def own_at(own: Sequence[ActionSet], experiment: Experiment) -> ActionSet:
    """The workers' own actions at the experiment's placement. Raises ExperimentError if there are none."""
    found = next((one for one in own if one.placement == experiment.placement), None)
    if found is None:
        raise ExperimentError(
            f"experiment {experiment.name}: found placement {experiment.placement!r}; expected one that "
            f"workers decide for: {', '.join(one.placement for one in own)}; correct it, or name their file "
            "by --actions"
        )
    return found


def arm_actions(experiment: Experiment, arm: Arm, own: ActionSet) -> ActionSet:
    """The actions and the policy's name by which an arm decides; `own` are those of the worker.

    Raises ActionsError, and ExperimentError where they are of another placement or the policy is unknown.
    """
    actions = own
    if arm.actions:
        actions = msgspec.structs.replace(ActionSet.load(arm.actions), several=own.several)
    if actions.placement != experiment.placement:
        raise ExperimentError(
            f"experiment {experiment.name}, arm {arm.name}: its actions are for placement "
            f"{actions.placement!r}; expected {experiment.placement!r}; correct one of the two"
        )
    if arm.policy == LEARNED:
        raise ExperimentError(
            f"experiment {experiment.name}, arm {arm.name}: found the policy {LEARNED!r}; expected none for "
            "an arm that decides by what the workers have in use; remove the policy and the actions"
        )
    if arm.policy:
        actions = msgspec.structs.replace(actions, policy=LEARNED if arm.versioned else arm.policy)
    policy_of(actions)
    return actions


def check_beside(new: Experiment, known: list[Experiment]) -> None:
    """A name is used once, and a placement has one running experiment. Raises ExperimentError."""
    if any(one.name == new.name for one in known):
        raise ExperimentError(
            f"experiment {new.name}: there is one of this name already; names are used once, since decisions "
            "are joined by them; choose another"
        )
    rival = next((one for one in known if one.running and one.placement == new.placement), None)
    if rival is not None:
        raise ExperimentError(
            f"experiment {new.name}: {rival.name} runs at placement {new.placement!r}; expected none there; "
            f"`pathcast experiment stop {rival.name}` ends it"
        )
