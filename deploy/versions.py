"""Versions as people name them."""

import json
from pathlib import Path
from typing import Any

from models.registry import RegistryError


def folder(model: str, versions: Path) -> Path:
    """The folder of a version that is named by itself or by its folder. Raises RegistryError."""
    for found in (versions / model, Path(model)):
        if found.is_dir():
            return found
    known = sorted(path.name for path in versions.glob("*") if path.is_dir() and path.name[0] != ".")
    listed = ", ".join(known[-5:]) or "nothing"
    raise RegistryError(f"{model} is no version of {versions}, which holds {listed}; name one of them")


def metrics(path: Path) -> dict[str, Any]:
    """What a version's folder says of how good it was and where it came from; nothing where it is damaged."""
    try:
        found = json.loads((path / "metrics.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def figures(path: Path) -> dict[str, float]:
    """The network's figures on the newest sessions of its log; nothing where it is damaged."""
    found = metrics(path).get("neural")
    return found if isinstance(found, dict) else {}
