"""Around every request: count it, time it, and log it without personal data."""

import time
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http.gateway_metrics import GatewayMetrics
from gateway.http.kept_running import place
from gateway.http.problems import HttpProblem

log = structlog.get_logger("pathcast.gateway")
#: Sent with every answer: none is a page, and none may be kept by caches in between.
HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


class AccessLog:
    """Middleware. A line has the route's pattern and the token's name: no address, no id, no query."""

    def __init__(self, app: ASGIApp, metrics: GatewayMetrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status, begun = time.perf_counter(), 500, False

        async def told(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(one for one in HEADERS if one[0] not in given)]
            await send(message)

        try:
            await self._app(scope, receive, told)
        except Exception as error:  # noqa: BLE001 - its text may quote a person, so only its place is logged
            log.error("a request failed", error=type(error).__name__, at=place(error))
            if not begun:
                await _FAULT(scope, receive, told)
        finally:
            self._tell(scope, status, time.perf_counter() - started)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        self._metrics.requests.labels(route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        caller = scope.get("state", {}).get("caller", "")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        log.info(
            "request", method=method, route=route, status=status, ms=round(1000 * seconds, 1), token=caller
        )


_FAULT = HttpProblem(500, "fault", "a fault of the gateway; its log has the place").response()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _route(scope: Scope) -> str:
    """The pattern of the route, which holds no value; `none` where there is no such route."""
    found: Any = scope.get("route")
    return str(getattr(found, "path", "")) or "none"
