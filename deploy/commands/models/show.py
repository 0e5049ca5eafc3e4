"""`pathcast models show`: everything that is known of a version."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deploy.commands.learning.registry_option import registry_option
from deploy.commands.models.kind_option import home, kind_option, placement_option
from deploy.commands.models.policy_list import named
from deploy.runs.version_metrics import metrics
from deploy.terminal.time_option import readable, utc_text
from models.errors import PathcastError
from models.registry.version_files import VersionKind
from trainer.promotion.resolve import resolve_folder

if TYPE_CHECKING:
    from trainer.promotion.status import LedgerEntry


#: Lists of sentences, printed one in each line.
_ONE_A_LINE = ("history", "said", "notes")


@click.command()
@click.argument("version")
@registry_option
@kind_option
@placement_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def show(version: str, registry: Path, kind: str | None, placement: str | None, as_json: bool) -> None:
    """Show VERSION: whether it serves, its history, what it was trained on and how good it was.

    VERSION is a name, latest or serving. Files are verified and loaded as by a worker; errors are reported.
    """
    folder = home(registry, kind, placement, version).folder
    path = resolve_folder(folder, version)
    from trainer.drift.drift import REFERENCE
    from trainer.promotion.ledger import Ledger

    ledger = Ledger(folder)
    known = metrics(path)
    known.pop(REFERENCE, None)
    found = {
        "version": path.name,
        **named(path),
        "state": ledger.status().state(path.name),
        "usable": _usable(path),
        "history": [_entry(entry) for entry in ledger.entries() if entry.version == path.name],
        "lineage": known.pop("lineage", {}),
        "gate": _gate(path),
        **known,
    }
    click.echo(json.dumps(found, indent=1) if as_json else "\n".join(_lines(found)))


def _usable(path: Path) -> str:
    from models.registry import policy_versions
    from models.registry import registry as store

    try:
        (policy_versions if named(path)["kind"] == VersionKind.POLICY else store).load(path)
    except PathcastError as error:
        return f"no: {error}"
    return "yes"


def _entry(entry: LedgerEntry) -> str:
    return f"{utc_text(entry.at)} {entry.what} by {entry.by}: {entry.reason}"


def _gate(path: Path) -> dict[str, Any]:
    """The latest verdict of the gate; empty if there is none."""
    try:
        found: dict[str, Any] = json.loads((path / "gate" / "report.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return {
        "verdict": found["verdict"],
        "reason": found["reason"],
        "report": str(path / "gate" / "report.md"),
        **({"shadow": found["shadow"]} if "shadow" in found else {}),
    }


def _lines(value: dict[str, Any], indent: str = "") -> Iterator[str]:
    """One name and value in each line; nested ones are indented."""
    for name, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield f"{indent}{name}:"
            yield from _lines(inner, indent + "  ")
        elif isinstance(inner, list) and inner and isinstance(inner[0], dict):
            yield f"{indent}{name}:"
            yield from (f"{indent}  - {_flat(one.items())}" for one in inner)
        elif isinstance(inner, list) and name in _ONE_A_LINE and inner:
            yield f"{indent}{name}:"
            yield from (f"{indent}  - {one}" for one in inner)
        else:
            yield f"{indent}{name}: {_plain(inner)}"


def _flat(pairs: Iterable[tuple[str, Any]]) -> str:
    return ", ".join(f"{name} {_plain(value)}" for name, value in pairs)


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return readable(value)
    return str(value) if not isinstance(value, list | dict) else ", ".join(map(str, value)) or "none"
