"""Fuzzed requests to a gateway that runs, and what its memory does meanwhile."""

import asyncio
import itertools
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import numpy as np

from tests.fuzzing import mutations
from tests.mutated_forms import mutated

#: Requests at a time, and seconds between two looks at the memory.
TOGETHER, LOOK_SECONDS = 4, 0.5
#: The first part of a run, in which buffers and caches grow to their sizes, is not judged.
WARM_UP = 0.25
#: Paths and types of bodies with their weights.
PATHS = {"/v1/events": 5, "/v1/events?answers=1&timeout_ms=5": 5, "/v1/predict": 5, "/v1/nothing": 1}
KINDS = {"application/json": 8, "text/plain": 7, "application/octet-stream": 1}


class FuzzedRun(NamedTuple):
    """Statuses of all requests, memory after the warm-up and its slope by a straight line."""

    statuses: Counter[int]
    memory_mb: float
    mb_a_minute: float
    minutes: float


def bodies(seed: int) -> Iterator[bytes]:
    """Endless bodies: mutated events of every known form, by themselves and in arrays, and no JSON at all."""
    rng = random.Random(seed)
    own = (one.value or b"" for one in mutations(seed))
    forms = (one.record.value or b"" for one in mutated(seed))
    for number in itertools.count():
        kind = rng.random()
        if kind < 0.4:
            yield next(own)
        elif kind < 0.7:
            yield next(forms)
        elif kind < 0.8:
            yield b"[" + b",".join(next(own) for _ in range(rng.randrange(1, 30))) + b"]"
        elif kind < 0.9:
            good = {"visitor_id": f"v{rng.randrange(99)}", "event": "view_item", "item_id": f"i{number % 9}"}
            yield json.dumps([good] * rng.randrange(1, 4)).encode()
        elif kind < 0.99:
            yield rng.randbytes(rng.randrange(2_000))
        else:
            yield rng.choice((b"[" * 400_000, b'{"a":' * 90_000, b"x" * (3 << 20), b"[" + b"{}," * 9_000))


async def fuzz(port: int, pid: int, seconds: float, seed: int = 0) -> FuzzedRun:
    """Send fuzzed requests for some seconds to a gateway on this machine."""
    statuses, sizes = Counter[int](), list[tuple[float, float]]()
    end = time.monotonic() + seconds
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        senders = [_send(session, seed + number, end, statuses) for number in range(TOGETHER)]
        await asyncio.gather(*senders, _look(pid, end, sizes))
    judged = np.array(sizes[int(len(sizes) * WARM_UP) :])
    slope = float(np.polyfit(judged[:, 0], judged[:, 1], 1)[0])
    return FuzzedRun(statuses, float(judged[:, 1].mean()), 60 * slope, seconds / 60)


async def _send(session: aiohttp.ClientSession, seed: int, end: float, statuses: Counter[int]) -> None:
    """A status of 0 stands for a connection that the gateway closed."""
    rng = random.Random(seed)
    for body in bodies(seed):
        if time.monotonic() > end:
            return
        headers = {"Content-Type": _weighted(rng, KINDS), "X-Request-Id": str(rng.random())}
        try:
            async with session.post(_weighted(rng, PATHS), data=body, headers=headers) as answer:
                await answer.read()
                statuses[answer.status] += 1
        except (aiohttp.ClientError, OSError):
            statuses[0] += 1


def _weighted(rng: random.Random, weights: dict[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


async def _look(pid: int, end: float, sizes: list[tuple[float, float]]) -> None:
    while time.monotonic() < end:
        sizes.append((time.monotonic(), own_memory(pid)))
        await asyncio.sleep(LOOK_SECONDS)


def own_memory(pid: int) -> float:
    """Megabytes that a process has allocated, in memory or swapped out.

    Its resident memory would also fall where the system drops pages of its programs' files.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    return sum(map(int, re.findall(r"^(?:RssAnon|VmSwap):\s+(\d+) kB$", status, re.MULTILINE))) / 1024
