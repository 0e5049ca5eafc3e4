"""Learned policies of a registry as policies under evaluation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.policies.learned_policy import LearnedPolicy
from models.policies.policy_errors import LearnedPolicyError
from models.registry import policy_versions
from models.registry.policy_versions import PolicyVersion
from models.registry.version_files import MANIFEST, placements, policies_folder
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.off_policy.policy_evidence import PolicyError

#: The newest policy of a registry.
LATEST: Final = "latest"


@dataclass(frozen=True)
class RegisteredPolicy:
    """A learned policy on a log of its actions; the log may have others, which it never takes."""

    name: str
    policy: LearnedPolicy

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions of its training."""
        return self.policy.action_names

    def probabilities(self, logged: LoggedDecisions) -> NDArray[np.float64]:
        """See `EvaluatedPolicy`. Raises PolicyError where the log lacks its context or its actions."""
        try:
            contexts = self._contexts(logged)
            own = [logged.actions.index(name) for name in self.actions]
            found = np.zeros((len(logged), len(logged.actions)))
            found[:, own] = self.policy.probabilities(contexts, logged.mask[:, own])
        except (LearnedPolicyError, ValueError) as error:
            raise PolicyError(
                f"the policy {self.name} cannot decide on this log: {error}; give it the context columns "
                "that it was trained with"
            ) from error
        return found

    def _contexts(self, logged: LoggedDecisions) -> NDArray[np.float64]:
        """A policy without columns sees a row for each decision, too."""
        if not self.policy.columns:
            return np.zeros((len(logged), 0))
        return self.policy.encode(logged.context.to_dict(as_series=False))


def registered(registry: Path) -> dict[str, Path]:
    """The folders of all policies by name of the version, oldest first."""
    folders = [policies_folder(registry, one) for one in placements(registry)]
    found = [path for folder in folders for path in folder.iterdir() if (path / MANIFEST).exists()]
    return {path.name: path for path in sorted(found, key=lambda path: path.name)}


def find(registry: Path, name: str) -> RegisteredPolicy | None:
    """The policy of a version, of `latest`, or the newest of a kind; None: there is none of that name.

    Raises RegistryError for one that is damaged.
    """
    known = registered(registry)
    if name in known:
        return _learned(policy_versions.load(known[name]))
    for path in reversed(known.values()):
        version = policy_versions.load(path)
        if name in (LATEST, version.kind):
            return _learned(version)
    return None


def _learned(version: PolicyVersion) -> RegisteredPolicy:
    return RegisteredPolicy(version.id, LearnedPolicy(version.content, None, version.id))
