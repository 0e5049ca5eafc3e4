"""The lineage of a version: enough to train it again, and to verify what it was trained on."""

import hashlib
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from trainer.examples.examples import Examples

#: The rooms and the libraries whose code determines the weights.
ROOMS = ("models", "trainer")
LIBRARIES = ("torch", "numpy", "polars")
#: Key in a version's metrics: the newest session that a training has used.
LEARNED_UNTIL = "learned until"
#: Key in a version's metrics of the shift of its purchase probabilities, if it was made by one.
PRIOR_SHIFT = "prior shift"
_ROOT = Path(__file__).resolve().parents[2]


def lineage(
    files: Sequence[Path], seed: int, parts: Sequence[Examples], offsets: Mapping[str, Any]
) -> dict[str, Any]:
    """Inputs with their SHA-256, code, seed and time span of a run that learned from `parts`.

    The settings are in the version's metrics as `options`. `offsets` are spans of topics, `{topic:
    {partition: [first, end]}}`, if the files came from Kafka. Times are epoch ms.
    """
    made = {"inputs": list(_digests(files)), "code": code(), "seed": seed, "clicks": _span(parts)}
    return made | ({"offsets": dict(offsets)} if offsets else {})


def code() -> dict[str, str]:
    """Version and SHA-256 of the program's sources, and the versions of its libraries."""
    found = {"pathcast": version("pathcast"), "sources": _sources(), "python": platform.python_version()}
    return found | {name: version(name) for name in LIBRARIES}


def last_session(metrics: Mapping[str, Any]) -> int:
    """Start of the newest session that a version with these metrics has used, epoch ms; 0: unknown.

    Sessions that began later are new to it, however it was trained.
    """
    return int(metrics.get("lineage", {}).get("clicks", {}).get("last_session", 0))


def learned_until(metrics: Mapping[str, Any]) -> int:
    """Start of the newest session that a training of the weights has used, epoch ms; 0: unknown.

    Incremental updates do not count.
    """
    return int(metrics.get(LEARNED_UNTIL, 0))


def calibrated_until(metrics: Mapping[str, Any]) -> int:
    """Start of the newest session that weights or calibration have used, epoch ms; 0: unknown.

    A shift of all purchase probabilities keeps their order, so sessions that only a shift has used are new to
    it in all figures of order.
    """
    return max(last_session(metrics), int(metrics.get(PRIOR_SHIFT, {}).get("until", 0)))


def until(metrics: Mapping[str, Any]) -> int | None:
    """Time of the newest click that a version with these metrics has used, epoch ms; None: unknown."""
    found = metrics.get("lineage", {}).get("clicks", {}).get("until")
    return None if found is None else int(found)


def _sources() -> str:
    digest = hashlib.sha256()
    for path in sorted(path for room in ROOMS for path in (_ROOT / room).rglob("*.py")):
        digest.update(str(path.relative_to(_ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _digests(files: Sequence[Path]) -> Iterable[dict[str, Any]]:
    """Paths relative to their common folder, so that the lineage does not show where it is."""
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
    """Start of its newest session, epoch ms."""
    return int(part.began.max())
