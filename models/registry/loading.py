"""Loads a model version from its folder: verifies checksums, then builds the scorers."""

from pathlib import Path

from safetensors import SafetensorError

from models.registry.manifests import read_manifest, verified_content
from models.registry.refusals import Refusal, RegistryError
from models.registry.version_files import MANIFEST, VersionKind
from models.registry.versions import CURVE, FILES, Version, assemble

#: Errors that wrong content raises while arrays and weights are built.
UNUSABLE = (ValueError, TypeError, KeyError, IndexError, RuntimeError, AttributeError, SafetensorError)


def load(path: Path, device: str = "cpu", sha256: str | None = None) -> Version:
    """Verify and load a version from its folder; `sha256` is the announced digest of its manifest.

    Raises RegistryError for files that are missing, corrupt or incompatible.
    """
    manifest = read_manifest(str(path), read_file(path / MANIFEST), sha256, VersionKind.NETWORK)
    listed = [*FILES, *(name for name in (CURVE,) if name in manifest["files"])]
    contents = {name: verified_content(str(path), read_file(path / name), manifest, name) for name in listed}
    try:
        return assemble(path, manifest, contents, device)
    except UNUSABLE as error:
        raise RegistryError(
            f"{path} cannot be loaded: {error!r}; train it again with this program",
            getattr(error, "refusal", Refusal.CONTENT),
        ) from error


def read_file(path: Path) -> bytes:
    """The content of a version's file. Raises RegistryError with refusal UNREACHABLE."""
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise RegistryError(
            f"cannot read {path}: {error}; name the folder of a version, registry/<version>",
            Refusal.UNREACHABLE,
        ) from error
