"""Counters that only workers have, read from their `/metrics` and summed over workers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

#: Seconds for one worker's answer.
TIMEOUT_SECONDS: Final = 2.0
#: Bytes of metrics that are read of a worker at most.
MOST_BYTES: Final = 4 << 20

#: Counters of workers that no topic has, with their words.
WORKER_COUNTERS: Final = {
    "pathcast_duplicates_total": "duplicates: event ids that were seen before",
    "pathcast_repeated_orders_total": "purchases of an order whose page was loaded again",
    "pathcast_clock_disagreements_total": "clicks taken in order of arrival",
    "pathcast_misrouted_total": "clicks on another partition than their key's",
    "pathcast_lost_clicks_total": "clicks that retention deleted before they were read",
}
#: The workers' addresses, such as `http://127.0.0.1:6066`.
Addresses = Callable[[], Awaitable[Sequence[str]]]


async def worker_counters(addresses: Sequence[str], names: Sequence[str]) -> dict[str, float]:
    """Sums of the named metrics over the workers that answer; empty where none does."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        texts = await asyncio.gather(*(_metrics(session, address) for address in addresses))
    found = [_sums(text, names) for text in texts if text is not None]
    return {
        name: sum(one.get(name, 0.0) for one in found) for name in names if any(name in one for one in found)
    }


async def _metrics(session: aiohttp.ClientSession, address: str) -> str | None:
    try:
        async with session.get(f"{address.rstrip('/')}/metrics") as response:
            if response.status != 200:
                return None
            content = await response.content.read(MOST_BYTES)
            return content.decode("utf-8", "replace")
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None


def _sums(text: str, names: Sequence[str]) -> dict[str, float]:
    """Sums over labels. Zeros are kept, so that a figure that is 0 is told from one that is unknown."""
    found = dict[str, float]()
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in names:
                    found[sample.name] = found.get(sample.name, 0.0) + sample.value
    except ValueError:
        return {}
    return found
