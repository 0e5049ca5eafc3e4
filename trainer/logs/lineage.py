"""Where a version came from: enough to make it again, and to see that it was made from what one thinks."""

import hashlib
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from trainer.examples.examples import Examples

#: What turns a log into weights: the rooms whose code decides, and the libraries that compute.
ROOMS = ("models", "trainer")
LIBRARIES = ("torch", "numpy", "polars")
#: Where a version says until when a training has taught it.
LEARNED_UNTIL = "learned until"
_ROOT = Path(__file__).resolve().parents[2]


def lineage(
    files: Sequence[Path], seed: int, parts: Sequence[Examples], offsets: Mapping[str, Any]
) -> dict[str, Any]:
    """Inputs with their SHA-256, code, seed and time span of a run that learned from `parts`.

    The settings stand beside it in a version's metrics (`options`). `offsets` are the places in the topics,
    `{topic: {partition: [first, end]}}`, where the files came from Kafka. Times are epoch ms.
    """
    made = {"inputs": list(_digests(files)), "code": code(), "seed": seed, "clicks": _span(parts)}
    return made | ({"offsets": dict(offsets)} if offsets else {})


def code() -> dict[str, str]:
    """Version and SHA-256 of the program's own sources, and the versions of what computes."""
    found = {"pathcast": version("pathcast"), "sources": _sources(), "python": platform.python_version()}
    return found | {name: version(name) for name in LIBRARIES}


def last_session(metrics: Mapping[str, Any]) -> int:
    """When the newest session began that a version with these metrics has seen, epoch ms; 0: it is not said.

    Sessions that began later are new to it, whatever it was trained with.
    """
    return int(metrics.get("lineage", {}).get("clicks", {}).get("last_session", 0))


def learned_until(metrics: Mapping[str, Any]) -> int:
    """When the newest session began that the weights of a version with these metrics have learned from in a
    training (small steps do not count), epoch ms; 0: it is not said."""
    return int(metrics.get(LEARNED_UNTIL, 0))


def until(metrics: Mapping[str, Any]) -> int | None:
    """When the newest click happened that a version with these metrics has seen, epoch ms; None: not said."""
    found = metrics.get("lineage", {}).get("clicks", {}).get("until")
    return None if found is None else int(found)


def _sources() -> str:
    digest = hashlib.sha256()
    for path in sorted(path for room in ROOMS for path in (_ROOT / room).rglob("*.py")):
        digest.update(str(path.relative_to(_ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _digests(files: Sequence[Path]) -> Iterable[dict[str, Any]]:
    """Named from the folder that all are in: where that is on a disk is nobody's business."""
    whole = [file.resolve() for file in files]
    folder = os.path.commonpath([path.parent for path in whole])
    for path in whole:
        with path.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        yield {
            "file": path.relative_to(folder).as_posix(),
            "bytes": path.stat().st_size,
            "sha256": found,
        }


def _span(parts: Sequence[Examples]) -> dict[str, int]:
    times = np.concatenate([part.ts for part in parts])
    return {
        "count": len(times),
        "since": int(times.min()),
        "until": int(times.max()),
        "last_session": max(map(began, parts)),
    }


def began(part: Examples) -> int:
    """When its newest session began, epoch ms."""
    return int(part.began.max())
