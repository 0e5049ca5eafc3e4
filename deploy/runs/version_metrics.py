"""Versions as people name them."""

import json
from pathlib import Path
from typing import Any


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
