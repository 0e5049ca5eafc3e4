"""Versions as people name them."""

from pathlib import Path

from models.registry import RegistryError


def folder(model: str, versions: Path) -> Path:
    """The folder of a version that is named by itself or by its folder. Raises RegistryError."""
    for found in (versions / model, Path(model)):
        if found.is_dir():
            return found
    known = sorted(path.name for path in versions.glob("*") if path.is_dir() and path.name[0] != ".")
    listed = ", ".join(known[-5:]) or "nothing"
    raise RegistryError(f"{model} is no version of {versions}, which holds {listed}; name one of them")
