"""Wire collection and answers."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Protocol

from fastapi import APIRouter

from gateway.answers.answer_follower import AnswerFollower
from gateway.answers.answer_routes import VisitorKey, answer_routes
from gateway.answers.forget_routes import Forget, forget_routes
from gateway.answers.recent_answers import RecentAnswers
from gateway.answers.sealed_answers import SealedAnswers
from gateway.events.click_records import ClickReader
from gateway.events.clicks_writer import ClicksWriter, clicks_producer
from gateway.events.collecting import Collection, collection_routes
from gateway.events.page_snippet import snippet_routes
from gateway.gateway_settings import GatewaySettings
from gateway.http.gateway_metrics import GatewayMetrics
from gateway.http.parts import GatewayPart, States
from gateway.service.served_shop import ServedShop
from models.privacy.keyring import Keyring
from streams.config import secret_file
from streams.config.topics import ANSWERS


class RunsBeside(Protocol):
    """What runs beside the routes."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Run while this is entered."""
        ...

    def conditions(self) -> States:
        """For /readyz."""
        ...


def event_part(
    settings: GatewaySettings, shop: ServedShop, metrics: GatewayMetrics, forget: Forget | None = None
) -> GatewayPart:
    """Collection and answers. Raises SetUpError for a secret that cannot be read."""
    connection, key = shop.connection.aiokafka(), visitor_key(shop)
    recent = RecentAnswers(settings.answers_mb << 20, settings.answers_seconds, metrics)
    topics = {role: getattr(shop.names, role) for role in ANSWERS}
    sealed = _sealed(shop, recent)
    follower = AnswerFollower(topics, connection, recent.take, sealed.opened if sealed else None)
    writer = ClicksWriter(
        shop.names.clicks,
        lambda: clicks_producer(connection, shop.worker.max_event_bytes),
        metrics,
        settings.waiting_events,
        settings.delivery_seconds,
    )
    events = shop.files.events
    reader = ClickReader(shop.worker.limits(), events, settings.unknown_fields == "ignore")
    collection = Collection(settings, reader, writer, recent, key, metrics, events.form)
    router = APIRouter()
    router.include_router(collection_routes(collection, settings))
    router.include_router(answer_routes(recent, key))
    router.include_router(snippet_routes())
    if forget is not None:
        router.include_router(forget_routes(forget, lambda visitor: recent.forget(key(visitor.encode()))))

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for one in followed:
                await stack.enter_async_context(one.running())
            yield

    followed: list[RunsBeside] = [*([sealed] if sealed else []), follower, writer]
    return GatewayPart(
        router, running, lambda: {name: held for one in followed for name, held in one.conditions().items()}
    )


def _sealed(shop: ServedShop, recent: RecentAnswers) -> SealedAnswers | None:
    """What opens answers; None where they are plain. Raises SetUpError."""
    envelopes = secret_file.envelopes(shop.worker.envelope_key_file)
    if envelopes is None:
        return None
    return SealedAnswers(Keyring(envelopes), shop.names.visitor_keys, shop.connection.aiokafka(), recent.take)


def visitor_key(shop: ServedShop) -> VisitorKey:
    """Keys of answers: visitors' ids, or their pseudonyms."""
    pseudonymiser = secret_file.pseudonyms(shop.worker.pseudonym_key_file)
    if pseudonymiser is None:
        return lambda visitor: visitor
    return lambda visitor: pseudonymiser.visitor(visitor).encode()
