"""An experiment: visitors are shared out among arms that decide differently for one placement.

It is broadcast to all workers as JSON, with the actions files of its arms inside. So a worker needs no files,
and decisions can still be verified when the experiment is over.
"""

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from models.contract.decision_context import HOLD_OUT
from models.contract.updates import ModelUpdate
from models.decisions.actions_file import Name
from models.errors import PathcastError

#: Largest distance of the weights' sum from 1: they are written in decimals.
SLACK: Final = 1e-9
MOST_ARMS: Final = 16

#: Names of versions: the time to the second and a digest (`models.registry.version_writing`).
_VERSION: Final = re.compile(r"\d{8}T\d{6}-[0-9a-f]{12}\Z")

Weight = Annotated[float, Meta(gt=0.0, le=1.0)]


class ExperimentError(PathcastError):
    """The definition of an experiment cannot be used."""


class Arm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One way of deciding."""

    name: Annotated[Name, Meta(description="On the context of each of its decisions.")]
    weight: Annotated[Weight, Meta(description="Its share of the visitors.")]
    actions: Annotated[str, Meta(description="Its actions file, TOML; empty: the worker's own.")] = ""
    policy: Annotated[
        str,
        Meta(description="Policy, or version of a learned one, in place of its file's; empty: its file's."),
    ] = ""
    path: Annotated[str, Meta(description="Where the version was when the experiment started.")] = ""
    sha256: Annotated[str, Meta(description="SHA-256 of the version's manifest.json, hex.")] = ""

    @property
    def versioned(self) -> bool:
        """Whether its policy is a version of the registry."""
        return _VERSION.match(self.policy) is not None

    @property
    def announced(self) -> ModelUpdate:
        """The version that it names, as announcements say where one is found."""
        return ModelUpdate(version=self.policy, path=self.path, sha256=self.sha256 or None)


class Experiment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A started experiment; a stopped one has `stopped_at` and assigns nobody."""

    name: Annotated[Name, Meta(description="Unique among all experiments, stopped ones too.")]
    placement: Annotated[Name, Meta(description="Where its arms decide.")]
    salt: Annotated[Name, Meta(description="Hashed with each visitor id.")]
    arms: Annotated[list[Arm], Meta(description="In this order; their weights sum to 1.")]
    started_at: Annotated[int, Meta(description="Epoch milliseconds.")] = 0
    stopped_at: Annotated[int | None, Meta(description="Epoch milliseconds; absent while it runs.")] = None

    @property
    def running(self) -> bool:
        """Whether it assigns visitors."""
        return self.stopped_at is None

    @property
    def names(self) -> tuple[str, ...]:
        """The arms' names, in their order."""
        return tuple(arm.name for arm in self.arms)


encode_experiment: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Experiment).decode


def decode_experiment(value: bytes) -> Experiment:
    """Reads a broadcast definition. Raises ExperimentError."""
    try:
        experiment = _decode(value)
    except (ValueError, RecursionError) as error:
        raise ExperimentError(
            f"the experiment {value[:60]!r} cannot be decoded: {error}; start it again"
        ) from error
    check(experiment)
    return experiment


def check(experiment: Experiment) -> None:
    """Arms are named once, there are two or more, and their weights sum to 1. Raises ExperimentError."""
    names, weights = experiment.names, [arm.weight for arm in experiment.arms]
    if not 2 <= len(names) <= MOST_ARMS:
        _fail(experiment.name, f"{len(names)} arms", f"2 to {MOST_ARMS}, a hold-out counts as one", "add one")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        _fail(experiment.name, f"arms named twice: {', '.join(twice)}", "different names", "rename one")
    if abs(sum(weights) - 1) > SLACK:
        told = ", ".join(f"{arm.name} {arm.weight:g}" for arm in experiment.arms)
        _fail(experiment.name, f"weights {told}, together {sum(weights):g}", "a sum of 1", "correct them")
    held = next((arm for arm in experiment.arms if arm.name == HOLD_OUT), None)
    if held is not None and (held.actions or held.policy):
        _fail(experiment.name, f"actions or a policy of {HOLD_OUT!r}", "only a weight", "remove them")


def _fail(name: str, found: str, expected: str, action: str) -> None:
    raise ExperimentError(f"experiment {name}: found {found}; expected {expected}; {action}")
