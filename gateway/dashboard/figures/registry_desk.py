"""Versions of the registry: what there is, why one serves, and the moves of `pathcast models`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from gateway.dashboard.figures.panels import PagePanel, day_and_time, decimal_text, table_panel
from models.errors import PathcastError
from trainer.promotion.ledger import Ledger
from trainer.promotion.resolve import versions

#: Entries of the ledger, and versions, that are shown: the latest.
MOST_ENTRIES, MOST_VERSIONS = 20, 30
NO_REGISTRY: Final = (
    "No version can be seen from here: name the registry's folder (PATHCAST_REGISTRY), or train one "
    "(`pathcast train`)."
)


if TYPE_CHECKING:
    from trainer.promotion.promotions import Promotions


class MoveError(PathcastError):
    """A move that was asked for does not exist or lacks its version."""


class RegistryDesk(NamedTuple):
    """Reads and changes a registry. `moves` gives the promotions in somebody's name, `ask` asks for a run."""

    folder: Path
    moves: Callable[[str], Promotions]
    ask: Callable[[str, str], str]

    def move(self, name: str, version: str, reason: str, by: str) -> str:
        """Make a move; returns what it did, as a sentence. Raises PathcastError."""
        if name in ("promote", "pin") and not version:
            raise MoveError(f"{name} was asked for without a version: choose one of the list")
        if name == "retrain":
            return f"A training run is requested as {self.ask(by, reason)}."
        moves = self.moves(by)
        if name == "promote":
            return f"{moves.promote(version, reason)} serves."
        if name == "rollback":
            return f"{moves.rollback(reason)} serves."
        if name == "pin":
            return f"{moves.pin(version, reason)} serves, pinned."
        if name == "release":
            return f"{moves.release(reason)} is released."
        raise MoveError(f"found the move {name[:40]!r}, expected one of {', '.join(MOVES)}")

    def names(self) -> list[str]:
        """Versions of the registry, the newest first."""
        return versions(self.folder)[: -MOST_VERSIONS - 1 : -1] if self.folder.is_dir() else []

    def panels(self) -> list[PagePanel]:
        """What the registry, its gate and its ledger say."""
        ledger = Ledger(self.folder)
        status = ledger.status()
        rows = [self._row(name, status.state(name)) for name in self.names()]
        columns = ("version", "state", "gate", "why", "average precision", "calibration error")
        entries = [
            [day_and_time(one.at), str(one.what), one.version, one.by, one.reason]
            for one in ledger.entries()[: -MOST_ENTRIES - 1 : -1]
        ]
        history = ("time (UTC)", "what", "version", "by", "reason")
        return [
            table_panel("registry", "Promotion reports", "now", columns, "llllrr", rows, NO_REGISTRY),
            table_panel(
                "ledger", "Latest moves", "now", history, "lllll", entries, "No version has served yet."
            ),
        ]

    def _row(self, name: str, state: str) -> list[str]:
        report = _gate_report(self.folder / name)
        if not report:
            return [name, state, "not judged", "", "", ""]
        figures = report.get("figures", {}).get(name, {})
        shown = [decimal_text(figures.get(kind), 4) for kind in ("average_precision", "ece")]
        return [name, state, str(report.get("verdict", "")), str(report.get("reason", "")), *shown]


def _gate_report(version: Path) -> dict[str, Any]:
    """The gate's latest report; empty if there is none that can be read."""
    try:
        return msgspec.json.decode((version / "gate" / "report.json").read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError):
        return {}


#: Moves by name, with what they do and whether they need a version.
MOVES: Final = {
    "promote": "Let the version serve",
    "rollback": "Let the version before serve again",
    "pin": "Let the version serve, and no other until it is released",
    "release": "Undo the pin",
    "retrain": "Ask the trainer for a run",
}
