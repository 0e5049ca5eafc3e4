"""From the folder of a model version to its scorers: everything is verified before anything is believed."""

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from models.features import FEATURES_VERSION
from models.versions import CURVE, FILES, FORMAT, MANIFEST, RegistryError, Version, assemble

#: What wrong content raises on its way into arrays and weights.
UNUSABLE = (ValueError, TypeError, KeyError, IndexError, RuntimeError, AttributeError, SafetensorError)


def load(path: Path, device: str = "cpu", sha256: str | None = None) -> Version:
    """Verify and load a version from its folder; `sha256` is what was announced for its manifest.

    Raises RegistryError, saying what is wrong, for anything missing, corrupt or incompatible.
    """
    manifest = _read(path / MANIFEST)
    if sha256 is not None and hashlib.sha256(manifest).hexdigest() != sha256:
        raise RegistryError(
            f"{path / MANIFEST} is not the manifest that was announced; copy the version again"
        )
    described = _described(path, manifest)
    listed = [*FILES, *(name for name in (CURVE,) if name in described["files"])]
    contents = {name: _verified(path / name, described["files"].get(name)) for name in listed}
    try:
        return assemble(path, described, contents, device)
    except UNUSABLE as error:
        raise RegistryError(
            f"{path} cannot be loaded: {error!r}; train it again with this program"
        ) from error


def _described(path: Path, manifest: bytes) -> dict[str, Any]:
    try:
        described = json.loads(manifest)
        found = (described["format"], described["features_version"])
        complete = (
            isinstance(described["files"], dict) and {"version", "digest", "created_at"} <= described.keys()
        )
    except (ValueError, TypeError, KeyError) as error:
        raise RegistryError(f"{path / MANIFEST} is unreadable ({error!r}); copy the version again") from error
    if not complete:
        raise RegistryError(f"{path / MANIFEST} is incomplete; copy the version again")
    if found != (FORMAT, FEATURES_VERSION):
        expected = f"format {FORMAT} with features {FEATURES_VERSION}"
        raise RegistryError(
            f"{path} has format {found[0]} with features {found[1]}, expected {expected}; train it again"
        )
    return dict(described)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RegistryError(
            f"cannot read {path}: {error}; name the folder of a version, registry/<version>"
        ) from error


def _verified(path: Path, expected: str | None) -> bytes:
    content = _read(path)
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise RegistryError(
            f"{path} has SHA-256 {found}, its manifest says {expected}; copy the version again"
        )
    return content
