"""Resolves a name or a folder to a version of a registry."""

from collections.abc import Callable
from pathlib import Path

from models.registry.refusals import RegistryError
from models.registry.version_files import MANIFEST
from trainer.promotion.ledger import Ledger


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


#: Names for a version by its part: the newest of the registry, and the one that serves by the ledger.
LATEST, SERVING = "latest", "serving"


def _meant(folder: Path, given: str, fits: Callable[[Path], bool]) -> Path:
    named = {LATEST: _latest, SERVING: _serving}.get(given)
    if named is not None and not is_version(folder / given):
        return folder / named(folder)
    for path in (folder / given, Path(given)):
        if is_version(path) and fits(path):
            return path
    known = versions(folder)
    listed = ", ".join(known[-5:]) or "nothing"
    cure = f"name one of them, {LATEST} or {SERVING}" if known else "train one with `pathcast train`"
    raise RegistryError(f"{given!r} is no version of {folder}, which holds {listed}; {cure}")


def _latest(folder: Path) -> str:
    known = versions(folder)
    if not known:
        raise RegistryError(f"{folder} has no version; train one with `pathcast train`")
    return known[-1]


def _serving(folder: Path) -> str:
    found = Ledger(folder).status().serving
    if found is None:
        raise RegistryError(f"no version in {folder} serves; promote one with `pathcast models promote`")
    return found


def _looks_like_one(name: str) -> bool:
    moment, dash, digest = name.partition("-")
    return bool(dash) and len(moment) == 15 and len(digest) == 12
