"""Find announced versions: in the registry, else at the announced path; versions at URLs are copied."""

import os
import shutil
from collections.abc import Collection
from pathlib import Path

from models.contract.updates import ModelUpdate
from models.registry import registry, remote
from models.registry.refusals import COPY_FAULTS, RegistryError
from models.registry.versions import Version

#: Copies kept beside those in use, so that a rollback needs no network.
KEPT = 3


class ModelCache:
    """`place` is a folder or any fsspec URL; copies from a URL are kept in the folder `cache`."""

    def __init__(self, place: str, cache: Path, device: str) -> None:
        self._place, self._cache, self._device = place, cache, device

    def load(self, announced: ModelUpdate) -> Version:
        """Verify checksums and load a version. Raises RegistryError."""
        source, sha256 = self.source(announced), announced.sha256
        if not remote.is_url(source):
            return registry.load(Path(source), self._device, sha256)
        copy = remote.fetch(source, self._cache, sha256)
        try:
            return registry.load(copy, self._device, sha256)
        except RegistryError as error:
            if error.refusal not in COPY_FAULTS:
                raise
        # The copy was verified when it was made, so the disk has changed it since: copy it again.
        shutil.rmtree(copy, ignore_errors=True)
        return registry.load(remote.fetch(source, self._cache, sha256), self._device, sha256)

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
