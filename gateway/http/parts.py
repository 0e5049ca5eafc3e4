"""A part of the gateway: its routes, and what runs beside them. The application is a list of parts."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple

from fastapi import APIRouter

#: By name whether each condition holds, or why it does not; a gateway is ready when all are true.
States = dict[str, bool | str]
Conditions = Callable[[], States]


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    """Run nothing."""
    yield


class GatewayPart(NamedTuple):
    """`running` is entered before the gateway serves, and left when it stops."""

    router: APIRouter
    running: Callable[[], AbstractAsyncContextManager[None]] = nothing
    conditions: Conditions = dict
