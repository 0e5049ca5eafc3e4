"""Health, readiness and metrics, without a token: a load balancer asks for them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse

from gateway.http.gateway_metrics import GatewayMetrics
from gateway.http.guard import TokenGuard
from gateway.http.parts import GatewayPart

#: Seconds between two looks at the file of tokens.
LOOK_EVERY = 1.0


def health(guard: TokenGuard, metrics: GatewayMetrics, parts: Sequence[GatewayPart]) -> GatewayPart:
    """The part that speaks for all others."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", response_model=dict[str, str])
    async def alive() -> Response:
        """Whether the process runs."""
        return JSONResponse({"status": "alive"})

    @router.get(
        "/readyz",
        response_model=dict[str, bool],
        responses={503: {"model": dict[str, bool], "description": "A condition does not hold."}},
    )
    async def ready() -> Response:
        """Whether each condition for serving holds."""
        found = {name: held for part in parts for name, held in part.conditions().items()}
        return JSONResponse(found, 200 if all(found.values()) else 503)

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def tell() -> Response:
        """Metrics in Prometheus' text format."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return GatewayPart(router, lambda: _looking(guard))


@asynccontextmanager
async def _looking(guard: TokenGuard) -> AsyncIterator[None]:
    async def look() -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            guard.look()

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
