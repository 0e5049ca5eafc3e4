"""Faust's recovery of tables, which must not give up without a word."""

from typing import Any

from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery, ServiceStopped

from streams.errors import SetUpError


class LoudRecovery(Recovery):  # type: ignore[misc]
    """Ends the process where Faust's would end its own task: no later rebalance would be recovered."""

    async def _wait(self, coro: Any, timeout: float | None = None) -> None:
        try:
            await super()._wait(coro, timeout=timeout)
        except ServiceStopped:
            if not (self.should_stop or self.app.should_stop):
                error = f"Kafka did not answer within {timeout} s while state was recovered; is it up? "
                self.app.pathcast.fail(SetUpError(error + "Restart the worker, it goes on from its state"))
            raise


class Tables(TableManager):  # type: ignore[misc]
    """The manager with that recovery."""

    _recovery: LoudRecovery | None = None

    @property
    def recovery(self) -> LoudRecovery:
        """The one recovery of this manager."""
        if self._recovery is None:
            self._recovery = LoudRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
