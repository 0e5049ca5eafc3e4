"""Ask the workers' endpoints for one visitor, whichever worker owns it."""

import asyncio
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from gateway.dashboard.feeds.worker_counters import Addresses
from models.errors import PathcastError

#: Seconds for one worker's answer.
ASK_SECONDS: Final = 3.0


class WorkersSilentError(PathcastError):
    """No worker answered, or one refused this gateway's token."""


class WorkerQuestions:
    """Asks every worker; the one that owns the visitor answers. `token` is PATHCAST_WEB_TOKEN."""

    def __init__(self, addresses: Addresses, token: str | None) -> None:
        self._addresses = addresses
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def profile(self, visitor: str) -> dict[str, Any] | None:
        """Profile and state; None: no worker has a record. Raises WorkersSilentError."""
        return await self._asked(f"/visitors/{quote(visitor, safe='')}")

    async def reasons(self, visitor: str) -> dict[str, Any] | None:
        """Why the latest answers are what they are; None: unknown. Raises WorkersSilentError."""
        return await self._asked(f"/visitors/{quote(visitor, safe='')}/explanation")

    async def _asked(self, path: str) -> dict[str, Any] | None:
        timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, headers=self._headers) as session:
            addresses = self._addresses()
            answers = await asyncio.gather(*(_one(session, f"{at.rstrip('/')}{path}") for at in addresses))
        for status, found in answers:
            if status == 200:
                return found
        if not any(status == 404 for status, _ in answers):
            raise WorkersSilentError(
                f"none of {len(answers)} workers answered ({_statuses(answers)}): check "
                "PATHCAST_GATEWAY_WORKERS, and that PATHCAST_WEB_TOKEN is the workers'"
            )
        return None


async def _one(session: aiohttp.ClientSession, address: str) -> tuple[int, dict[str, Any] | None]:
    """Status and body; the status 0 where the worker does not answer."""
    try:
        async with session.get(address) as response:
            found = await response.json() if response.status == 200 else None
            return response.status, found if isinstance(found, dict) else None
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return 0, None


def _statuses(answers: list[tuple[int, dict[str, Any] | None]]) -> str:
    return ", ".join(f"status {status}" if status else "no answer" for status, _ in answers)
