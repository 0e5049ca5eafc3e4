"""Find a visitor at the worker that has it.

Workers say with each answer which partitions they have. The one with the visitor's home partition is asked
first, then all others: clicks that were sent with another partitioner are elsewhere. That nobody knows a
visitor is certain only where every partition is owned; else it is on its way from one worker to another.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from gateway.http.problems import later
from gateway.lookups.worker_addresses import WorkerAddresses
from streams.service.web import OWNED
from streams.transport.routing import home

#: Seconds for one worker to answer.
PATIENCE = 2.0


class _Asked(NamedTuple):
    """A worker's answer: its status (0: none came), its partitions, and what it knows."""

    status: int
    owned: frozenset[int] = frozenset()
    known: dict[str, Any] | None = None


class VisitorRouting:
    """`partitions` are those of clicks; `token` is PATHCAST_WEB_TOKEN."""

    def __init__(self, addresses: WorkerAddresses, partitions: int, token: str | None = None) -> None:
        self._addresses, self._partitions, self._token = addresses, partitions, token
        self._owners: dict[int, str] = {}
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ask workers while this is entered."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        timeout = aiohttp.ClientTimeout(PATIENCE)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as self._session:
            yield

    async def find(self, visitor_id: str) -> dict[str, Any] | None:
        """What is known of a visitor; None: nothing. Raises HttpProblem (503) where that is not certain."""
        workers, place = await self._addresses.all(), home(visitor_id.encode(), self._partitions)
        first = self._owners.get(place)
        if first in workers:
            asked = await self._ask(first, visitor_id)
            if asked.known is not None and place in asked.owned:
                return await self._explained(first, visitor_id, asked.known)
        every = await asyncio.gather(*(self._ask(worker, visitor_id) for worker in workers))
        found = dict(zip(workers, every, strict=True))
        for worker, asked in sorted(found.items(), key=lambda one: place not in one[1].owned):
            if asked.known is not None:
                return await self._explained(worker, visitor_id, asked.known)
        self._check(every)
        return None

    async def models(self) -> dict[str, Any]:
        """What each worker says of its versions, by address; None of one that does not answer."""
        workers = await self._addresses.all()
        told = await asyncio.gather(*(self._get(f"{worker}/models") for worker in workers))
        return {worker: asked.known for worker, asked in zip(workers, told, strict=True)}

    async def _explained(self, worker: str, visitor_id: str, known: dict[str, Any]) -> dict[str, Any]:
        """With the explanation of the last answers, and these as JSON."""
        asked = await self._get(f"{_url(worker, visitor_id)}/explanation")
        answers = [msgspec.Raw(answer.encode()) for answer in known.get("answers", ())]
        return {"visitor_id": visitor_id, **known, "answers": answers, "explanation": asked.known}

    async def _ask(self, worker: str, visitor_id: str) -> _Asked:
        asked = await self._get(_url(worker, visitor_id))
        for partition in asked.owned:
            self._owners[partition] = worker
        return asked

    async def _get(self, url: str) -> _Asked:
        assert self._session is not None, "ask within running()"
        try:
            async with self._session.get(URL(url, encoded=True)) as answer:
                body = await answer.read()
                known = msgspec.json.decode(body) if answer.status == 200 else None
                return _Asked(answer.status, _owned(answer.headers.get(OWNED, "")), known)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return _Asked(0)

    def _check(self, every: Sequence[_Asked]) -> None:
        """Raises HttpProblem (503) unless all partitions have been asked."""
        if any(asked.status == 401 for asked in every):
            raise later(503, "workers", "workers refuse the gateway: give it their PATHCAST_WEB_TOKEN", 10)
        owned = frozenset[int]().union(*(asked.owned for asked in every))
        missing = self._partitions - len(owned & frozenset(range(self._partitions)))
        if missing:
            told = f"{missing} of {self._partitions} partitions are between workers, or theirs do not answer"
            raise later(503, "moving", f"{told}: ask again", 2)


def _url(worker: str, visitor_id: str) -> str:
    """The address of a visitor. Dots are escaped, too: a path of dots would lead elsewhere."""
    return f"{worker}/visitors/{quote(visitor_id, safe='').replace('.', '%2E')}"


def _owned(text: str) -> frozenset[int]:
    return frozenset(int(one) for one in text.split(",") if one.isdigit())
