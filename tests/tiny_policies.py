"""Learned policies small enough to make in a test: random weights, but whole, through the registry."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from models.contract.updates import ModelUpdate
from models.decisions.actions import ActionSet
from models.policies import policy_files
from models.policies.action_features import ActionEncoding, ActionFeatures
from models.policies.context_columns import Column
from models.policies.policy_files import HeadDescription, PolicyDescription
from models.registry import policy_versions
from models.registry.version_files import MANIFEST, policies_folder

#: Numbers and words of the base context, and a feature that takes a place in `Context.vector`.
COLUMNS = (
    Column("purchase_probability", mean=0.2, scale=0.2),
    Column("stage", words=("browsing", "cart", "checkout")),
    Column("price", mean=1.0, scale=2.0),
)
MADE = 1_700_000_000_000


def files(
    actions: ActionSet,
    seed: int = 1,
    columns: tuple[Column, ...] = COLUMNS,
    notes: Mapping[str, Any] | None = None,
) -> dict[str, bytes]:
    """The files of a softmax policy with random weights from `seed`."""
    known = tuple(map(ActionFeatures.of, actions.actions))
    encoding = ActionEncoding.of(known)
    width = 1 + sum(column.width for column in columns)
    weights = np.random.default_rng(seed).normal(size=(width, encoding.width))
    head = HeadDescription("softmax", {"temperature": 1.0})
    described = PolicyDescription(
        "softmax", columns, known, encoding, (head,), actions.placement, notes=dict(notes or {})
    )
    return policy_files.save(described, {"0.weights": weights})


def policy(
    registry: Path,
    actions: ActionSet,
    seed: int = 1,
    columns: tuple[Column, ...] = COLUMNS,
    placement: str | None = None,
    notes: Mapping[str, Any] | None = None,
) -> policy_versions.PolicyVersion:
    """A version in the registry, saved and loaded again; later seeds are later versions."""
    place = placement or actions.placement
    made = files(actions, seed, columns, notes)
    name = policy_versions.save(registry, made, place, MADE + seed * 1000, {"seed": seed})
    return policy_versions.load(policies_folder(registry, place) / name)


def announcement(version: policy_versions.PolicyVersion) -> bytes:
    """What is told on `model-updates` of a version."""
    digest = hashlib.sha256((version.path / MANIFEST).read_bytes()).hexdigest()
    return msgspec.json.encode(ModelUpdate(version=version.id, path=str(version.path), sha256=digest))
