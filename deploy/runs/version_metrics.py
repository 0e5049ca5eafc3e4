"""Figures of a version, from its folder."""

import json
from pathlib import Path
from typing import Any


def metrics(path: Path) -> dict[str, Any]:
    """Figures and lineage of a version; empty if its folder is damaged."""
    try:
        found = json.loads((path / "metrics.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def figures(path: Path) -> dict[str, float]:
    """Figures of the network on the newest sessions of its log; empty if the folder is damaged."""
    found = metrics(path).get("neural")
    return found if isinstance(found, dict) else {}
