"""Close connections whose requests do not arrive in time: slow clients must not hold the gateway's places."""

import asyncio
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Longer headers end the connection: uvicorn would keep them all.
MOST_HEADER_BYTES: Final = 64 << 10


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with a limit on the time from a connection or a first byte to whole headers.

    Bodies have the same limit where they are read (`http/request_bodies.py`).
    """

    #: Set once, before the server starts.
    seconds: ClassVar[float] = 10.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected: its first request is due."""
        super().connection_made(transport)
        self._due: asyncio.TimerHandle | None = None
        self._early = 0
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Bytes have come; the clock runs from the first of a request."""
        if self._due is None and (self.cycle is None or self.cycle.response_complete):
            self._expect()
        super().data_received(data)
        if self._due is not None:
            self._early += len(data)
            if self._early > MOST_HEADER_BYTES:
                self._give_up()

    def on_headers_complete(self) -> None:
        """The headers are whole."""
        self._rest()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._rest()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._early = 0
        self._due = self.loop.call_later(self.seconds, self._give_up)

    def _rest(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _give_up(self) -> None:
        self._due = None
        transport: Any = self.transport
        if transport is not None and not transport.is_closing():
            transport.close()
