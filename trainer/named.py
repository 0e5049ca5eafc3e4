"""Versions of a registry by name: what is one, and which one is meant."""

from pathlib import Path

from models.errors import PathcastError
from models.refusals import RegistryError
from models.versions import MANIFEST


def is_version(path: Path) -> bool:
    """Whether a folder is a model version, be it a damaged one."""
    if path.name.startswith(".") or not path.is_dir():
        return False
    return (path / MANIFEST).exists() or _looks_like_one(path.name)


def versions(folder: Path) -> list[str]:
    """Names of the versions in a registry, oldest first; damaged ones as well."""
    return sorted(path.name for path in folder.glob("*") if is_version(path))


def registered(folder: Path, given: str) -> str:
    """The name of the version that is meant by its name or by its folder in the registry `folder`.

    Raises RegistryError: a ledger that names what is elsewhere would name what nobody finds again.
    """
    for path in (folder / given, Path(given)):
        if is_version(path) and path.parent.resolve() == folder.resolve():
            return path.name
    raise unknown(folder, given)


def unknown(folder: Path, given: str) -> PathcastError:
    """The error for a name that is no version's."""
    known = versions(folder)
    listed = ", ".join(known[-5:]) or "nothing"
    return RegistryError(f"{given!r} is no version of {folder}, which holds {listed}; name one of them")


def _looks_like_one(name: str) -> bool:
    moment, dash, digest = name.partition("-")
    return bool(dash) and len(moment) == 15 and len(digest) == 12
