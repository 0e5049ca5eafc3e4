"""Train a policy of any kind from logged decisions, and update one with later decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.policies import policy_files
from models.policies.action_features import ActionFeatures, described_actions
from models.policies.fixed_heads import RULE_COLUMNS
from models.policies.policy_files import HeadDescription, PolicyDescription
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.policies.learning_data import (
    LearningData,
    PolicyTrainingError,
    encoded,
    learning_data,
)
from trainer.policies.policy_learners import LEARNERS, LearnedHead, learn_head
from trainer.policies.policy_settings import PolicySettings
from trainer.policies.posterior import posterior_of
from trainer.policies.posterior_kinds import UPDATED

Files = dict[str, bytes]

MIXTURE: Final = "mixture"
KINDS: Final = (*LEARNERS, MIXTURE)


def train(
    decisions: LoggedDecisions,
    kind: str,
    settings: PolicySettings | None = None,
    features: Sequence[ActionFeatures] | None = None,
    placement: str = "",
    created_at: str = "",
    notes: Mapping[str, Any] | None = None,
    kept: Sequence[str] = (),
) -> Files:
    """The files of a policy of `kind` (`KINDS`). `features` describe the actions of the log, and others.
    `kept` columns are the policy's also where they are constant in the log.

    The same log, settings and seed give the same files on the same machine. Raises PolicyTrainingError.
    """
    settings = settings or PolicySettings()
    data = learning_data(decisions, features, kept)
    parts = _parts(kind, settings, data)
    heads = [_weighted(learn_head(one, data, settings), weight) for one, weight in parts.items()]
    facts = {"decisions": len(data), "mean_reward": float(decisions.reward.mean()), "seed": settings.seed}
    description = PolicyDescription(
        kind,
        data.columns,
        data.actions,
        data.encoding,
        tuple(one.description for one in heads),
        placement,
        created_at,
        {**facts, **(notes or {})},
    )
    return policy_files.save(description, _tensors(heads))


def _parts(kind: str, settings: PolicySettings, data: LearningData) -> dict[str, float]:
    """Kinds of heads with their weights, which sum to 1. Raises PolicyTrainingError."""
    parts = settings.parts if kind == MIXTURE else {kind: 1.0}
    unknown = sorted(set(parts) - set(LEARNERS))
    if unknown:
        raise PolicyTrainingError(
            f"found kind {unknown[0]!r}; expected one of {', '.join(LEARNERS)}, or {MIXTURE}; correct it"
        )
    names = {column.name for column in data.columns}
    if "rules" in parts and (missing := sorted(set(RULE_COLUMNS) - names)):
        raise PolicyTrainingError(
            f"the context has no columns {missing}, which rules read; train from the columns of live "
            "decisions, or without rules"
        )
    total = sum(parts.values())
    if not total > 0:
        raise PolicyTrainingError("the weights of the mixture's parts are all 0; expected one above it")
    return {one: weight / total for one, weight in parts.items()}


def _weighted(head: LearnedHead, weight: float) -> LearnedHead:
    return replace(head, description=msgspec.structs.replace(head.description, weight=weight))


def _tensors(heads: Sequence[LearnedHead]) -> dict[str, NDArray[Any]]:
    return {
        f"{number}.{name}": np.asarray(array, dtype=np.float64)
        for number, head in enumerate(heads)
        for name, array in head.tensors.items()
    }


def update(files: Mapping[str, bytes], decisions: LoggedDecisions, created_at: str = "") -> Files:
    """The policy with its posteriors updated by decisions that it was not trained from.

    Equals a training from all decisions in the columns of the first. Parts of other kinds stay as they are.
    Raises PolicyTrainingError for a policy without a posterior.
    """
    content = policy_files.read(files)
    description = content.description
    if not any(head.kind in UPDATED for head in description.heads):
        raise PolicyTrainingError(
            f"a policy of kind {description.kind} has no posterior to update; expected one of "
            f"{', '.join(UPDATED)} or a mixture with them: train it again"
        )
    known = {one.name: one for one in description.actions}
    described = described_actions(decisions.actions, known)
    data = encoded(decisions, description.columns, described, description.encoding)
    heads = [_updated(one, content.of_head(at), data) for at, one in enumerate(description.heads)]
    notes = dict(description.notes)
    notes["decisions"] = int(notes.get("decisions", 0)) + len(data)
    described_again = msgspec.structs.replace(
        description,
        heads=tuple(one.description for one in heads),
        created_at=created_at or description.created_at,
        notes=notes,
    )
    return policy_files.save(described_again, _tensors(heads))


def _updated(head: HeadDescription, tensors: dict[str, NDArray[Any]], data: LearningData) -> LearnedHead:
    if head.kind not in UPDATED:
        return LearnedHead(head, tensors)
    posterior = posterior_of(head, tensors).updated(data)
    own = {"own_variance": posterior.variance() / posterior.prior}
    changed = msgspec.structs.replace(head, settings={**head.settings, **own})
    return LearnedHead(changed, posterior.tensors())
