"""A part of the gateway: its routes, and what runs beside them. The application is a list of parts."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple

from fastapi import APIRouter

#: Whether each condition holds, by name; a gateway is ready when all do.
Conditions = Callable[[], dict[str, bool]]


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    """Run nothing."""
    yield


class GatewayPart(NamedTuple):
    """`running` is entered before the gateway serves, and left when it stops."""

    router: APIRouter
    running: Callable[[], AbstractAsyncContextManager[None]] = nothing
    conditions: Conditions = dict
