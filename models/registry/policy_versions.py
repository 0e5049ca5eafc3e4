"""A learned policy in the registry: one folder, written whole or not at all, verified as a network is.

registry/policies/<placement>/<version>/
├── manifest.json        version, kind `policy`, placement, format; digest and size of every other file
├── policy.json          kind, context columns, actions of the training, settings
├── policy.safetensors   its weights
└── metrics.json         how it was trained, and on what
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from models.decisions.actions import ActionSet
from models.decisions.actions_file import Name
from models.features.features import FEATURES_VERSION, NAMES
from models.policies import policy_files
from models.policies.context_columns import inputs_of
from models.policies.learned_policy import LearnedPolicy
from models.policies.policy_errors import LearnedPolicyError
from models.policies.policy_files import PolicyContent
from models.registry.loading import UNUSABLE, read_file
from models.registry.manifests import FORMATS, read_manifest, verified_content
from models.registry.refusals import Refusal, RegistryError
from models.registry.version_files import MANIFEST, VersionKind, placements, policies_folder
from models.registry.version_writing import as_json, write_version

METRICS: Final = "metrics.json"


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A verified policy that is not bound to an action set yet; `id` is its folder's name."""

    id: str
    path: Path
    created_at: int
    placement: str
    content: PolicyContent
    metrics: dict[str, Any]

    @property
    def kind(self) -> str:
        """The kind of the policy: `softmax`, `thompson`, ..."""
        return self.content.description.kind

    @property
    def network(self) -> str:
        """The network whose session states it decides from; empty where it reads none, or any will do."""
        return str(self.content.description.notes.get("network", ""))

    def records(self, inputs: tuple[str, ...]) -> bool:
        """Whether its decisions are recorded with the inputs that an actions file names; none: with any."""
        return not inputs or inputs_of(self.content.description.columns) == inputs

    def bound(self, actions: ActionSet) -> LearnedPolicy:
        """The policy for an action set. Raises RegistryError with refusal ACTIONS."""
        try:
            return LearnedPolicy(self.content, actions, self.id)
        except (LearnedPolicyError, *UNUSABLE) as error:
            raise RegistryError(
                f"{self.path} does not fit the actions of {actions.placement}: {error}; train it for them",
                Refusal.ACTIONS,
            ) from error


def save(
    registry: Path,
    files: Mapping[str, bytes],
    placement: str,
    created_at: int,
    metrics: Mapping[str, Any] | None = None,
) -> str:
    """Write the files of `models.policies.policy_files.save`, made at `created_at` (epoch ms); returns the
    version's name.

    `metrics` are JSON values on the training. Raises RegistryError where the disk refuses, and for a
    placement that cannot be a folder.
    """
    _check_placement(placement)
    content = policy_files.read(files)
    reads = any(name in NAMES for name in inputs_of(content.description.columns))
    facts = {
        "kind": VersionKind.POLICY,
        "placement": placement,
        "policy": content.description.kind,
        "format": FORMATS[VersionKind.POLICY],
        "features_version": FEATURES_VERSION if reads else "",
    }
    contents = {name: files[name] for name in policy_files.FILES} | {METRICS: as_json(dict(metrics or {}))}
    return write_version(policies_folder(registry, placement), contents, created_at, facts)


def _check_placement(placement: str) -> None:
    try:
        msgspec.convert(placement, Name)
    except msgspec.ValidationError as error:
        raise RegistryError(
            f"placement {placement!r} is no name of a placement ({error}); name it as the actions file does",
            Refusal.OTHER,
        ) from error


def load(path: Path, sha256: str | None = None) -> PolicyVersion:
    """Verify and load a version from its folder; `sha256` is the announced digest of its manifest.

    Raises RegistryError for files that are missing, corrupt or incompatible.
    """
    where = str(path)
    manifest = read_manifest(where, read_file(path / MANIFEST), sha256, VersionKind.POLICY)
    contents = {
        name: verified_content(where, read_file(path / name), manifest, name)
        for name in (*policy_files.FILES, METRICS)
    }
    try:
        found = policy_files.read(contents)
        made = str(manifest["version"]), path, int(manifest["created_at"]), str(manifest["placement"])
        return PolicyVersion(*made, found, dict(json.loads(contents[METRICS])))
    except (LearnedPolicyError, *UNUSABLE) as error:
        refusal = Refusal(error.reason) if isinstance(error, LearnedPolicyError) else Refusal.CONTENT
        raise RegistryError(f"{path} cannot be loaded: {error}; train it again", refusal) from error


def locate(registry: Path, version: str, placement: str = "") -> Path:
    """The folder of a version, looked for at `placement` first and then at all. Raises RegistryError."""
    known = placements(registry)
    for name in dict.fromkeys((*(one for one in known if one == placement), *known)):
        path = policies_folder(registry, name) / version
        if (path / MANIFEST).exists():
            return path
    raise RegistryError(
        f"{registry} has no policy {version}; name the registry that has it with --registry",
        Refusal.UNREACHABLE,
    )


def find(registry: Path, version: str, actions: ActionSet) -> LearnedPolicy:
    """The policy of a version of `registry` for an action set, which may be of any placement.

    Raises RegistryError.
    """
    return load(locate(registry, version, actions.placement)).bound(actions)
