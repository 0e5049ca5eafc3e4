"""A gateway without Kafka: the real application over a producer that a test controls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI

from gateway.answers.answer_routes import answer_routes
from gateway.answers.forget_routes import forget_routes
from gateway.answers.recent_answers import RecentAnswers
from gateway.events.click_records import ClickReader
from gateway.events.clicks_writer import ClicksWriter
from gateway.events.collecting import Collection, collection_routes
from gateway.events.page_snippet import snippet_routes
from gateway.gateway_settings import GatewaySettings
from gateway.http import token_file
from gateway.http.gateway_metrics import GatewayMetrics
from gateway.http.guard import TokenGuard
from gateway.http.parts import GatewayPart
from gateway.http.token_file import Role
from gateway.lookups.item_lookups import ItemLookups
from gateway.lookups.lookup_routes import item_routes, model_routes, visitor_routes
from gateway.lookups.visitor_routing import VisitorRouting
from gateway.lookups.worker_addresses import WorkerAddresses
from gateway.predictions.predict_routes import predict_routes
from gateway.predictions.predictor import Predictor
from gateway.service.application import create_app
from gateway.service.serving import bound, server
from models.contract.aliases import event_name
from models.contract.events import Limits
from models.errors import PathcastError
from models.registry.versions import Version
from models.serving.merchandising import Merchandiser
from models.serving.shop_rules import ShopRules
from tests.offline import Offline

HOST = "http://127.0.0.1"
LATER = datetime.now(UTC) + timedelta(days=1)
#: A token of each role, and one that has expired.
TOKENS = {role: f"token-of-{role}" for role in Role}
EXPIRED = "token-that-has-expired"


def gateway_settings(**changed: Any) -> GatewaySettings:
    """The defaults, whatever this machine's environment says, with some settings changed."""
    return GatewaySettings.model_construct(**changed)


def token_texts() -> str:
    """A file of tokens: one for each role, and an expired one with all of them."""
    lines = [token_file.line(role, token, [role], LATER) for role, token in TOKENS.items()]
    gone = token_file.line("gone", EXPIRED, list(Role), datetime(2020, 1, 1, tzinfo=UTC))
    return "\n".join([*lines, gone])


def bearer(role: Role | str) -> dict[str, str]:
    """The header with the token of a role, or with any other token."""
    return {"Authorization": f"Bearer {TOKENS.get(role, role)}"}  # type: ignore[call-overload]


class TestProducer:
    """Acknowledges what it is given, unless `hold` keeps it or `fail` is raised for it."""

    __test__ = False

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, bytes]] = []
        self.held: list[asyncio.Future[None]] = []
        self.hold, self.fail = False, None
        self.started = self.stopped = 0

    async def start(self) -> None:
        self.started += 1

    async def stop(self) -> None:
        self.stopped += 1

    async def send(self, topic: str, value: bytes, key: bytes) -> asyncio.Future[None]:
        if self.fail is not None:
            raise self.fail
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent.append((topic, key, value))
        if self.hold:
            self.held.append(done)
        else:
            done.set_result(None)
        return done


class TestGateway:
    """The application of all parts but those that need Kafka, and a client of it.

    `version` is in use; `workers` are their addresses, by default one at which nobody listens.
    """

    __test__ = False

    def __init__(
        self,
        settings: GatewaySettings,
        version: Version | None = None,
        workers: str = "http://127.0.0.1:9",
        partitions: int = 4,
    ) -> None:
        self.settings, self.metrics, self.producer = settings, GatewayMetrics(), TestProducer()
        self.recent = RecentAnswers(settings.answers_mb << 20, settings.answers_seconds, self.metrics)
        self.writer = ClicksWriter(
            "clicks",
            lambda: self.producer,
            self.metrics,
            settings.waiting_events,
            settings.delivery_seconds,
        )
        self.guard = TokenGuard(settings)
        self.offline = Offline(version)
        self.routing = VisitorRouting(WorkerAddresses(workers), partitions)
        self.parts = [self._events(), self._lookups(), self._predictions()]
        self.app = create_app(settings, self.guard, self.metrics, self.parts)

    def _events(self) -> GatewayPart:
        reader = ClickReader(Limits(), event_name, self.settings.unknown_fields == "ignore")
        collection = Collection(
            self.settings, reader, self.writer, self.recent, lambda visitor: visitor, self.metrics
        )
        router = APIRouter()
        router.include_router(collection_routes(collection, self.settings))
        router.include_router(answer_routes(self.recent, lambda visitor: visitor))
        router.include_router(snippet_routes())
        router.include_router(forget_routes(self.forget, self.dropped))
        return GatewayPart(router, self.writer.running, self.writer.conditions)

    def dropped(self, visitor: str) -> None:
        """Drop what is kept of a visitor."""
        self.recent.forget(visitor.encode())

    def forget(self, visitor: str) -> dict[str, Any]:
        """A proof without content; fails for the visitor `stuck`."""
        if visitor == "stuck":
            raise PathcastError("a worker does not answer about stuck")
        return {"request": "r1", "at": 1, "stores": [], "unconfirmed": []}

    def _lookups(self) -> GatewayPart:
        models, decoder = self.offline.models, self.offline.pipeline.decoder
        items = ItemLookups(decoder.catalogue, Merchandiser(ShopRules(), decoder.catalogue))
        router = APIRouter()
        router.include_router(visitor_routes(self.routing))
        router.include_router(item_routes(items, lambda: models.current))
        router.include_router(model_routes(models.describe, self.routing))
        return GatewayPart(router, self.routing.running)

    def _predictions(self) -> GatewayPart:
        predictor = Predictor(self.offline.pipeline, self.offline.names)
        reader = ClickReader(Limits(check_skew=False), event_name)
        return GatewayPart(
            predict_routes(predictor, reader, self.settings), predictor.running, predictor.conditions
        )

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[httpx.AsyncClient]:
        """Run it; a client on this machine."""
        async with running(self.app) as client:
            yield client


@asynccontextmanager
async def running(app: FastAPI, host: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    """Run an application; a client that calls from `host`."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(host, 1))
    async with app.router.lifespan_context(app):
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
            yield client


@asynccontextmanager
async def listening(app: FastAPI, settings: GatewaySettings) -> AsyncIterator[int]:
    """Serve an application as `pathcast gateway` does; its port."""
    at = bound(settings)
    made = server(app, settings)
    made.capture_signals = nullcontext  # type: ignore[assignment, method-assign]
    task = asyncio.create_task(made.serve(sockets=[at]))
    while not made.started:
        await asyncio.sleep(0.005)
    try:
        yield at.getsockname()[1]
    finally:
        made.should_exit = True
        await task


def with_tokens(folder: Path, **changed: Any) -> GatewaySettings:
    """Settings with a file of tokens in a folder."""
    path = folder / "tokens.toml"
    path.write_text(token_texts())
    return gateway_settings(tokens=path, **changed)


def event(**changed: Any) -> dict[str, Any]:
    """An event of the contract's own form, without id and time."""
    return {"visitor_id": "anna", "event": "view_item", "item_id": "tea-03"} | changed
