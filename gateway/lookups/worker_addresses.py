"""Where the workers' endpoints are: addresses as given, names with several addresses as all of them."""

import asyncio
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from models.errors import PathcastError

#: Seconds for which a name's addresses count.
KEPT_SECONDS = 5.0


class WorkerAddressError(PathcastError):
    """An address of the workers is none."""


class WorkerAddresses:
    """The workers of PATHCAST_GATEWAY_WORKERS. Raises WorkerAddressError."""

    def __init__(self, text: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._given = [one.strip().rstrip("/") for one in text.split(",") if one.strip()]
        for one in self._given:
            parts = urlsplit(one)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
                raise WorkerAddressError(
                    f"PATHCAST_GATEWAY_WORKERS has {one!r}, expected addresses as http://worker:6066"
                )
        self._clock = clock
        self._found: tuple[float, list[str]] = (-KEPT_SECONDS, [])

    async def all(self) -> list[str]:
        """An address for each worker; a name that cannot be resolved has none."""
        since, found = self._found
        if self._clock() - since >= KEPT_SECONDS:
            each = await asyncio.gather(*(_resolved(one) for one in self._given))
            found = list(dict.fromkeys(address for addresses in each for address in addresses))
            self._found = (self._clock(), found)
        return found


async def _resolved(address: str) -> list[str]:
    parts = urlsplit(address)
    if parts.scheme == "https":  # its certificate is of the name
        return [address]
    port = parts.port or 80
    try:
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=1)
    except OSError:
        return []
    hosts = dict.fromkeys(str(one[4][0]) for one in found)
    return [f"http://{f'[{host}]' if ':' in host else host}:{port}{parts.path}" for host in hosts]
