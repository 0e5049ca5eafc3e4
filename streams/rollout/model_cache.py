"""Find announced versions: in the registry, else at the announced path; versions at URLs are copied."""

import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Generic, TypeVar

from models.contract.updates import ModelUpdate
from models.registry import policy_versions, registry, remote
from models.registry.policy_versions import PolicyVersion
from models.registry.refusals import COPY_FAULTS, RegistryError
from models.registry.version_files import policies_folder, policies_place
from models.registry.versions import Version

#: Copies kept beside those in use, so that a rollback needs no network.
KEPT = 3
V = TypeVar("V")


class VersionCache(Generic[V]):
    """`place` is a folder or any fsspec URL; copies from a URL are kept in the folder `cache`.

    `read` verifies and loads a version from its folder, given the announced digest; it raises RegistryError.
    """

    def __init__(self, place: str, cache: Path, read: Callable[[Path, str | None], V]) -> None:
        self._place, self._cache, self._read = place, cache, read

    def load(self, announced: ModelUpdate) -> V:
        """Verify checksums and load a version. Raises RegistryError."""
        source, sha256 = self.source(announced), announced.sha256
        if not remote.is_url(source):
            return self._read(Path(source), sha256)
        copy = remote.fetch(source, self._cache, sha256)
        try:
            return self._read(copy, sha256)
        except RegistryError as error:
            if error.refusal not in COPY_FAULTS:
                raise
        # The copy was verified when it was made, so the disk has changed it since: copy it again.
        shutil.rmtree(copy, ignore_errors=True)
        return self._read(remote.fetch(source, self._cache, sha256), sha256)

    def source(self, announced: ModelUpdate) -> str:
        """Folder or URL of a version; a path in its name is ignored."""
        name = Path(announced.version).name
        if remote.is_url(self._place):
            return remote.version_url(self._place, name)
        local = Path(self._place).expanduser() / name
        return str(local) if local.exists() or not announced.path else announced.path

    def prune(self, used: Collection[str]) -> None:
        """Delete old copies, except those in use and the KEPT latest."""
        if not self._cache.is_dir():
            return
        for name in used:
            if (self._cache / name).is_dir():
                os.utime(self._cache / name)
        copies = sorted(self._cache.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for copy in copies[KEPT + len(used) :]:
            shutil.rmtree(copy, ignore_errors=True)


class ModelCache(VersionCache[Version]):
    """Networks of the registry at `place`, loaded for a device."""

    def __init__(self, place: str, cache: Path, device: str) -> None:
        super().__init__(place, cache, lambda path, sha256: registry.load(path, device, sha256))


def policy_cache(place: str, cache: Path, placement: str) -> VersionCache[PolicyVersion]:
    """A placement's policies of the registry at `place`; copies are kept under `cache`."""
    copies = policies_folder(cache, placement)
    return VersionCache(policies_place(place, placement), copies, policy_versions.load)
