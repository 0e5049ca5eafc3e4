"""Which model versions learned from clicks that were erased since."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from models.versions import MANIFEST
from trainer.eventlog.forget import Erased

METRICS = "metrics.json"


class Seen(NamedTuple):
    """Versions by what they know of erased clicks: they `had` them, or do not say (made from other files)."""

    had: list[str]
    unknown: list[str]


def seen(registry: Path, erased: Sequence[Erased]) -> Seen:
    """The versions of a registry, by their lineage's offsets; none where nothing was erased."""
    had, unknown = [], []
    for name, offsets in _offsets(registry) if erased else ():
        if offsets is None:
            unknown.append(name)
        elif any(_overlap(one, offsets) for one in erased):
            had.append(name)
    return Seen(had, unknown)


def _overlap(erased: Erased, offsets: dict[str, dict[str, Sequence[int]]]) -> bool:
    first, end = offsets.get(erased.topic, {}).get(str(erased.partition), (0, 0))
    return any(first <= offset < end for offset in erased.offsets)


def _offsets(registry: Path) -> Iterator[tuple[str, dict[str, Any] | None]]:
    for path in sorted(path.parent for path in registry.glob(f"[!.]*/{MANIFEST}")):
        try:
            said = json.loads((path / METRICS).read_bytes())
            yield path.name, said.get("lineage", {}).get("offsets")
        except (OSError, ValueError, AttributeError):
            yield path.name, None
