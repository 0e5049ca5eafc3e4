"""Health, readiness and metrics, without a token: a load balancer asks for them."""

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse

from gateway.http.gateway_metrics import GatewayMetrics
from gateway.http.guard import TokenGuard
from gateway.http.kept_running import KeptRunning
from gateway.http.parts import GatewayPart, States

#: Seconds between two looks at the file of tokens.
LOOK_EVERY = 1.0


def health(guard: TokenGuard, metrics: GatewayMetrics, parts: Sequence[GatewayPart]) -> GatewayPart:
    """The part that speaks for all others."""
    router = APIRouter(tags=["health"])
    tokens = KeptRunning("tokens_followed", lambda: _looking(guard))

    @router.get("/healthz", response_model=dict[str, str])
    async def alive() -> Response:
        """Whether the process runs."""
        return JSONResponse({"status": "alive"})

    @router.get(
        "/readyz",
        response_model=States,
        responses={503: {"model": States, "description": "A condition does not hold, or why."}},
    )
    async def ready() -> Response:
        """Whether each condition for serving holds; a text says why one does not."""
        found = dict(one for part in every for one in part.conditions().items())
        return JSONResponse(found, 200 if all(held is True for held in found.values()) else 503)

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def tell() -> Response:
        """Metrics in Prometheus' text format."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    own = GatewayPart(router, tokens.running, lambda: {tokens.name: tokens.state()})
    every = [own, *parts]
    return own


async def _looking(guard: TokenGuard) -> None:
    while True:
        await asyncio.sleep(LOOK_EVERY)
        guard.look()
