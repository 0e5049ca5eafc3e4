"""What `pathcast models list` and `show` tell of policies."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.table import Column, Table

from deploy.terminal.tables import print_table
from models.registry.version_files import MANIFEST, VersionKind, placements, policies_folder
from trainer.promotion.ledger import Ledger
from trainer.promotion.resolve import versions


def print_policies(registry: Path) -> None:
    """A table of the policies of all placements, the oldest of each first."""
    columns = Column("version", no_wrap=True), "placement", "policy", "state", "why not"
    table = Table(*columns, title=f"policies of {registry}")
    for row in _rows(registry):
        table.add_row(*row)
    print_table(table)


def _rows(registry: Path) -> Iterator[tuple[str, ...]]:
    for placement in placements(registry):
        folder = policies_folder(registry, placement)
        found = Ledger(folder).status()
        for name in versions(folder):
            why = found.refused.get(name, found.taken_back.get(name, ""))
            yield name, placement, str(manifest(folder / name).get("policy", "?")), found.state(name), why


def manifest(path: Path) -> dict[str, Any]:
    """The manifest of a version as it is, unchecked; empty if it cannot be read."""
    try:
        found = json.loads((path / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def named(path: Path) -> dict[str, str]:
    """VersionKind of a version; of a policy also its placement and the kind of policy."""
    found = manifest(path)
    named = {"kind": str(found.get("kind", VersionKind.NETWORK))}
    for name in ("placement", "policy"):
        if name in found:
            named[name] = str(found[name])
    return named
