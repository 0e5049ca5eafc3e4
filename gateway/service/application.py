"""The application: all parts under one roof."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from starlette.exceptions import HTTPException

from gateway.gateway_settings import GatewaySettings
from gateway.http import problems
from gateway.http.access_log import AccessLog
from gateway.http.gateway_metrics import GatewayMetrics
from gateway.http.guard import TokenGuard
from gateway.http.parts import GatewayPart
from gateway.http.problems import HttpProblem
from gateway.service.health import health

ABOUT = "Send events, get answers, look up visitors, items and models. Errors have one form (`ProblemBody`)."


def create_app(
    settings: GatewaySettings, guard: TokenGuard, metrics: GatewayMetrics, parts: Sequence[GatewayPart]
) -> FastAPI:
    """The application of the given parts; it runs them while it serves."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for part in every:
                await stack.enter_async_context(part.running())
            yield

    app = FastAPI(
        title="Pathcast gateway",
        version="1",
        description=ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    every = [health(guard, metrics, parts), *parts]
    app.state.guard = guard
    for part in every:
        app.include_router(part.router)
    app.add_exception_handler(HttpProblem, problems.of_problem)
    app.add_exception_handler(RequestValidationError, problems.of_validation)
    app.add_exception_handler(HTTPException, problems.of_http)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type"],
            expose_headers=["retry-after"],
            max_age=600,
        )
    app.add_middleware(AccessLog, metrics=metrics)
    return app
