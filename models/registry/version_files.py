"""Names of a version's files and folders that are looked for without loading one.

registry/
├── <version>/                          a network with its vocabulary (`models.registry.registry`)
└── policies/<placement>/<version>/     a learned policy (`models.registry.policy_versions`)
"""

from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

MANIFEST: Final = "manifest.json"
#: The folder of a registry that has the policies, each placement in a folder of its own.
POLICIES: Final = "policies"
#: A placement may begin with a dot; a folder that does is hidden. No placement has a percent sign.
_DOT: Final = "%2E"


class VersionKind(StrEnum):
    """What a version is; a manifest without a kind is a network's."""

    NETWORK = "network"
    POLICY = "policy"


class Registered(Protocol):
    """A version of any kind in a registry."""

    @property
    def id(self) -> str:
        """Its folder's name."""
        ...

    @property
    def path(self) -> Path:
        """Its folder."""
        ...

    @property
    def created_at(self) -> int:
        """When it was made, epoch ms."""
        ...


def policies_place(registry: str, placement: str) -> str:
    """Folder or URL of a placement's policies in the registry at a folder or URL."""
    folder = _DOT + placement[1:] if placement.startswith(".") else placement
    return f"{registry.rstrip('/')}/{POLICIES}/{folder}"


def policies_folder(registry: Path, placement: str) -> Path:
    """As `policies_place`, of a folder."""
    return Path(policies_place(str(registry), placement))


def placements(registry: Path) -> list[str]:
    """The placements for which a registry has policies, by name."""
    found = (path.name for path in (registry / POLICIES).glob("*") if path.is_dir())
    return sorted(name.replace(_DOT, ".") for name in found if not name.startswith("."))
