"""The files of a learned policy: `policy.json` and `policy.safetensors`, bytes in and bytes out.

`policy.json` has kind, context columns, actions of the training with their features, heads with their
settings. Tensors of head N are named `N.name`. A policy of one kind has one head; a mixture has several.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from models.contract.decision_context import MAX_INPUTS
from models.policies.action_features import ActionEncoding, ActionFeatures
from models.policies.context_columns import Column, check_columns, inputs_of
from models.policies.policy_errors import LearnedPolicyError

DESCRIPTION: Final = "policy.json"
WEIGHTS: Final = "policy.safetensors"
FILES: Final = (DESCRIPTION, WEIGHTS)
FORMAT: Final = 1


class HeadDescription(msgspec.Struct, frozen=True):
    """A head: its kind, its settings, and its weight in the mixture."""

    kind: str
    settings: dict[str, float]
    weight: float = 1.0


class PolicyDescription(msgspec.Struct, frozen=True):
    """The content of `policy.json`. `notes` are facts of the training, for people."""

    kind: str
    columns: tuple[Column, ...]
    actions: tuple[ActionFeatures, ...]
    encoding: ActionEncoding
    heads: tuple[HeadDescription, ...]
    placement: str = ""
    created_at: str = ""
    notes: dict[str, Any] = {}
    format: int = FORMAT


class PolicyContent(msgspec.Struct, frozen=True):
    """A learned policy as it is stored; `digest` is of both files."""

    description: PolicyDescription
    tensors: dict[str, NDArray[Any]]
    digest: str = ""

    def of_head(self, number: int) -> dict[str, NDArray[Any]]:
        """The tensors of one head by name."""
        prefix = f"{number}."
        return {name[len(prefix) :]: one for name, one in self.tensors.items() if name.startswith(prefix)}


def save(description: PolicyDescription, tensors: Mapping[str, NDArray[Any]]) -> dict[str, bytes]:
    """The files by name. Raises LearnedPolicyError as `read` does, so nothing is saved that cannot load."""
    arrays = {name: np.ascontiguousarray(one) for name, one in sorted(tensors.items())}
    json = msgspec.json.format(msgspec.json.encode(description), indent=1)
    files = {DESCRIPTION: json, WEIGHTS: save_arrays(arrays)}
    read(files)
    return files


def read(files: Mapping[str, bytes]) -> PolicyContent:
    """The content of the files. Raises LearnedPolicyError where one is missing, damaged or too new."""
    missing = [name for name in FILES if name not in files]
    if missing:
        raise LearnedPolicyError(f"the policy has no {', '.join(missing)}; copy the version again")
    try:
        form = msgspec.json.decode(files[DESCRIPTION], type=dict).get("format")
        if form != FORMAT:
            raise LearnedPolicyError(
                f"{DESCRIPTION} has format {form!r}, expected {FORMAT}; use the program that made it",
                "newer",
            )
        description = msgspec.json.decode(files[DESCRIPTION], type=PolicyDescription)
        tensors = load_arrays(files[WEIGHTS])
    except LearnedPolicyError:
        raise
    except Exception as error:  # safetensors raises a class of its own, which it does not export
        raise LearnedPolicyError(f"the policy is unreadable ({error}); copy the version again") from error
    _check(description, tensors)
    digest = hashlib.sha256(b"".join(files[name] for name in FILES)).hexdigest()
    return PolicyContent(description, tensors, digest)


def _check(description: PolicyDescription, tensors: Mapping[str, NDArray[Any]]) -> None:
    check_columns(description.columns)
    inputs = len(inputs_of(description.columns))
    if inputs > MAX_INPUTS:
        raise LearnedPolicyError(
            f"the policy decides from {inputs} columns; expected at most {MAX_INPUTS}, since each is on the "
            "record of every decision; train it with fewer",
            "inputs",
        )
    damaged = sorted(
        name for name, one in tensors.items() if one.dtype.kind == "f" and not np.isfinite(one).all()
    )
    if damaged:
        raise LearnedPolicyError(
            f"{WEIGHTS}: {damaged} hold values that are not finite; train it again", "not_finite"
        )
    total = sum(head.weight for head in description.heads)
    if not description.heads or min(head.weight for head in description.heads) < 0 or abs(total - 1) > 1e-9:
        found = [head.weight for head in description.heads]
        raise LearnedPolicyError(f"weights of heads are {found}; expected none below 0 and a sum of 1")
