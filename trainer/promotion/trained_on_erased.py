"""Finds the model versions that were trained on clicks that have been erased since."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from models.registry.version_files import POLICIES
from trainer.eventlog.log_erasure import Erased
from trainer.eventlog.place import EventLogError, LogLocation

METRICS = "metrics.json"
MANIFEST = "manifest.json"


class LearnedFrom(NamedTuple):
    """Versions that were trained on erased clicks (`had`), and versions whose lineage has no offsets
    (`unknown`), because they were made from other files.
    """

    had: list[str]
    unknown: list[str]


def trained_on_erased(registry: str, erased: Sequence[Erased]) -> LearnedFrom:
    """The versions of a registry (a folder or an fsspec URL) whose lineage contains erased offsets.

    Both lists are empty if nothing was erased. Raises EventLogError if the registry cannot be read.
    """
    had, unknown = [], []
    for name, offsets in _offsets(LogLocation.at(registry)) if erased else ():
        if offsets is None:
            unknown.append(name)
        elif any(_overlap(one, offsets) for one in erased):
            had.append(name)
    return LearnedFrom(had, unknown)


def _overlap(erased: Erased, offsets: dict[str, dict[str, Sequence[int]]]) -> bool:
    first, end = offsets.get(erased.topic, {}).get(str(erased.partition), (0, 0))
    return any(first <= offset < end for offset in erased.offsets)


def _offsets(registry: LogLocation) -> Iterator[tuple[str, dict[str, Any] | None]]:
    for name in _names(registry):
        if not registry.exists(f"{name}/{MANIFEST}"):
            continue
        try:
            metrics = json.loads(registry.read(f"{name}/{METRICS}"))
            yield name, metrics.get("lineage", {}).get("offsets")
        except (FileNotFoundError, EventLogError, ValueError, AttributeError):
            yield name, None


def _names(registry: LogLocation) -> Iterator[str]:
    """Networks, then policies by their folders in the registry."""
    yield from registry.names("", folders=True)
    for placement in registry.names(POLICIES, folders=True):
        home = f"{POLICIES}/{placement}"
        yield from (f"{home}/{name}" for name in registry.names(home, folders=True))
