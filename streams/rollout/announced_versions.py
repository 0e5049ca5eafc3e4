"""Follow announcements of one key of `model-updates`: load what is announced, take up the last usable one.

Loading runs on a thread, while chunks go on with the incumbent.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from models.contract.updates import ModelUpdate
from models.registry.refusals import TRANSIENT
from streams.rollout import announcements

#: Seconds until a version is tried again after a transient fault of registry or disk.
RETRY_SECONDS = 30.0
#: Most announcements tried of those that arrive together, the last first.
TRIED = 3
V = TypeVar("V")


class AnnouncedVersions(Generic[V]):
    """`load` runs on a thread and raises RegistryError; `swap` takes a version up, `refuse` tells why not.

    The caller sees to it that `follow` and `retry` do not overlap: a retry must not finish after a later
    announcement and replace it.
    """

    def __init__(
        self,
        load: Callable[[ModelUpdate], V],
        swap: Callable[[V], None],
        refuse: Callable[[str, Exception], None],
    ) -> None:
        self._load, self._swap, self._refuse = load, swap, refuse
        #: The announcement to be tried again.
        self._postponed: bytes | None = None

    async def follow(self, values: Sequence[bytes]) -> None:
        """Of several announcements at once the last usable one is used, others are refused."""
        for value in list(dict.fromkeys(reversed(values)))[:TRIED]:
            if await self._follow(value, newest=value == values[-1]):
                break

    async def retry(self) -> None:
        """Try the newest announcement again if it was refused for a transient reason."""
        if self._postponed is not None:
            await self._follow(self._postponed, newest=True)

    def forget(self) -> None:
        """Try nothing again: what was announced is withdrawn."""
        self._postponed = None

    async def usable(self, value: bytes, retry: bool = False) -> V | None:
        """The announced version, loaded; None where it is refused."""
        named = ""
        try:
            announced = announcements.read(value)
            named = announced.version
            return await asyncio.to_thread(self._load, announced)
        except Exception as error:  # noqa: BLE001 - announcements are input: none may end the worker
            self._refuse(named, error)
            if retry and getattr(error, "refusal", None) in TRANSIENT:
                self._postponed = value
            return None

    async def _follow(self, value: bytes, newest: bool) -> bool:
        """Swap if the announced version is usable, and say whether; only the newest is tried again later."""
        if newest:
            self._postponed = None
        version = await self.usable(value, retry=newest)
        if version is not None:
            self._swap(version)
        return version is not None
