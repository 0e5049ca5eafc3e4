"""The worker's HTTP endpoints: health, readiness, metrics, models, and one visitor."""

import hmac
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any, Final

from aiohttp import web
from prometheus_client import generate_latest

from streams.errors import SetUpError
from streams.metrics import Metrics

#: Whether each condition holds, by name; a worker is ready when all do.
Conditions = Callable[[], dict[str, bool]]
#: What is known about a visitor by id, None for an unknown one.
Lookup = Callable[[str], dict[str, Any] | None]
#: What a worker reports about itself.
Told = Callable[[], dict[str, Any]]


#: Header of answers on visitors: the partitions whose visitors this worker knows, separated by commas.
OWNED: Final = "Pathcast-Partitions"
_ELSEWHERE = "unknown here: another worker may own this visitor's partition"
_NOWHERE = "no record: never seen here, expired or forgotten"


class Endpoints:
    """Serves on `host:port` until stopped; `port` is the real one after `start`."""

    def __init__(
        self,
        host: str,
        port: int,
        token: str | None,
        metrics: Metrics,
        conditions: Conditions,
        lookup: Lookup,
        explain: Lookup,
        models: Told,
        owns_all: Callable[[], bool] = lambda: False,
        actions: Told = dict,
        owned: Callable[[], Iterable[int]] = tuple,
    ) -> None:
        self.host, self.port = host, port
        self._token, self._metrics = token, metrics
        self._conditions, self._lookup, self._explain, self._models = conditions, lookup, explain, models
        self._owns_all, self._actions, self._owned = owns_all, actions, owned
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises SetUpError if the port is taken."""
        app = web.Application()
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/metrics", self._show_metrics)
        app.router.add_get("/models", self._show_models)
        app.router.add_get("/actions", self._show_actions)
        app.router.add_get("/visitors/{id}", self._visitor)
        app.router.add_get("/visitors/{id}/explanation", self._explanation)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        try:
            await site.start()
        except OSError as error:
            raise SetUpError(
                f"cannot listen on {self.host}:{self.port}: {error}; set PATHCAST_WEB_HOST, or "
                "PATHCAST_WEB_PORT (0: any)"
            ) from error
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the listener."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _ready(self, _: web.Request) -> web.Response:
        conditions = self._conditions()
        return web.json_response(conditions, status=200 if all(conditions.values()) else 503)

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._metrics.registry), content_type="text/plain")

    async def _show_models(self, _: web.Request) -> web.Response:
        return web.json_response(self._models())

    async def _show_actions(self, _: web.Request) -> web.Response:
        return web.json_response(self._actions())

    async def _visitor(self, request: web.Request) -> web.Response:
        return self._known(request, self._lookup)

    async def _explanation(self, request: web.Request) -> web.Response:
        return self._known(request, self._explain)

    def _known(self, request: web.Request, lookup: Lookup) -> web.Response:
        if not self._may_see(request):
            raise web.HTTPUnauthorized(text="needs `Authorization: Bearer <PATHCAST_WEB_TOKEN>`")
        # Partitions first: of one that is given away in between, the gateway asks another worker.
        owned = {OWNED: ",".join(map(str, self._owned()))}
        known = lookup(request.match_info["id"])
        if known is None:
            # A visitor with a record may still have no explanation.
            nowhere = lookup == self._lookup and self._owns_all()
            raise web.HTTPNotFound(text=_NOWHERE if nowhere else _ELSEWHERE, headers=owned)
        return web.json_response(known, headers=owned)

    def _may_see(self, request: web.Request) -> bool:
        if self._token is None:
            return bool(request.remote) and ip_address(request.remote or "").is_loopback
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode())
