"""Resolves a name or a folder to a version of a registry."""

from collections.abc import Callable
from pathlib import Path

from models.registry.refusals import RegistryError
from models.registry.version_files import MANIFEST


def is_version(path: Path) -> bool:
    """Whether a folder is a model version, including a damaged one."""
    if path.name.startswith(".") or not path.is_dir():
        return False
    return (path / MANIFEST).exists() or _looks_like_one(path.name)


def versions(folder: Path) -> list[str]:
    """Names of the versions in a registry, oldest first, including damaged ones."""
    return sorted(path.name for path in folder.glob("*") if is_version(path))


def resolve_registered(folder: Path, given: str) -> str:
    """The name of the version given by name or by its folder in the registry `folder`.

    Raises RegistryError. A folder elsewhere is refused: the ledger would then name a version that nobody
    finds.
    """
    return _meant(folder, given, lambda path: path.parent.resolve() == folder.resolve()).name


def resolve_folder(folder: Path, given: str) -> Path:
    """The folder of a version, given by its name in the registry `folder` or by its own folder, wherever it
    is.

    Raises RegistryError.
    """
    return _meant(folder, given, lambda path: True)


def _meant(folder: Path, given: str, fits: Callable[[Path], bool]) -> Path:
    for path in (folder / given, Path(given)):
        if is_version(path) and fits(path):
            return path
    known = versions(folder)
    listed = ", ".join(known[-5:]) or "nothing"
    raise RegistryError(f"{given!r} is no version of {folder}, which holds {listed}; name one of them")


def _looks_like_one(name: str) -> bool:
    moment, dash, digest = name.partition("-")
    return bool(dash) and len(moment) == 15 and len(digest) == 12
