"""Faust's recovery of tables, changed so that it cannot fail silently."""

from typing import Any

from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery, ServiceStopped

from streams.errors import SetUpError


class LoudRecovery(Recovery):  # type: ignore[misc]
    """Exits where Faust would end only its task, and recover nothing after later rebalances."""

    async def _wait(self, coro: Any, timeout: float | None = None) -> None:
        try:
            await super()._wait(coro, timeout=timeout)
        except ServiceStopped:
            if not (self.should_stop or self.app.should_stop):
                error = (
                    f"Kafka did not answer within {timeout} s while state was recovered; check that it runs. "
                )
                self.app.pathcast.fail(SetUpError(error + "Restart the worker, it goes on from its state"))
            raise


class Tables(TableManager):  # type: ignore[misc]
    """Faust's table manager with this recovery."""

    _recovery: LoudRecovery | None = None

    async def on_start(self) -> None:
        """Begin at once: Faust waits a second for tables that are added late, and ours are there before."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()

    @property
    def recovery(self) -> LoudRecovery:
        """The recovery of this manager, made once."""
        if self._recovery is None:
            self._recovery = LoudRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
