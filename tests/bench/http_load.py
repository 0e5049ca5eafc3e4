"""Calls of the gateway at a steady rate: each is due at its own time, whether others are answered or not."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import aiohttp
import numpy as np

#: Seconds after which a call counts as lost.
PATIENCE = 30.0


class Calls(NamedTuple):
    """How calls went: their rate, quantiles of the time from when each was due to its end, statuses."""

    rate: float
    p50_ms: float
    p99_ms: float
    calls: int
    statuses: dict[str, int]


async def steady(url: str, bodies: Sequence[bytes], rate: float, settling: int = 0) -> Calls:
    """Post the bodies at `rate` a second; the first `settling` calls are made, but not measured."""
    took, statuses = list[float](), Counter[int]()
    limits = aiohttp.TCPConnector(limit=200)
    async with aiohttp.ClientSession(connector=limits, timeout=aiohttp.ClientTimeout(PATIENCE)) as session:
        started = time.perf_counter()

        async def call(number: int, body: bytes) -> None:
            due = started + number / rate
            await asyncio.sleep(due - time.perf_counter())
            async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as answer:
                await answer.read()
            if number >= settling:
                took.append(time.perf_counter() - due)
                statuses[answer.status] += 1

        await asyncio.gather(*(call(number, body) for number, body in enumerate(bodies)))
        seconds = time.perf_counter() - started
    p50, p99 = np.percentile(took, (50, 99)) * 1000
    told = {str(status): count for status, count in sorted(statuses.items())}
    return Calls(len(bodies) / seconds, float(p50), float(p99), len(took), told)
