"""The dashboard of a gateway, from its settings."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from gateway.dashboard.dashboard_settings import DashboardSettings
from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.dashboard.feeds.topic_reader import TopicReader
from gateway.dashboard.feeds.visitor_history import VisitorHistory
from gateway.dashboard.figures.items_page import DemandFile
from gateway.dashboard.figures.pages import Sources
from gateway.dashboard.figures.registry_desk import RegistryDesk
from gateway.dashboard.web.dashboard_part import DashboardParts, dashboard
from gateway.dashboard.web.shopper_view import Reasons, ShopperView
from gateway.dashboard.web.similar_view import Similar
from gateway.gateway_settings import GatewaySettings
from gateway.http.guard import TokenGuard
from gateway.http.parts import GatewayPart
from gateway.lookups.visitor_routing import VisitorRouting
from gateway.lookups.worker_addresses import WorkerAddresses
from streams.config.connection import Connection
from streams.config.secret_file import pseudonyms
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings


class ServedTopics(NamedTuple):
    """The workers' settings, the cluster and its topics, `clicks` with `partitions`."""

    worker: WorkerSettings
    connection: Connection
    names: TopicNames
    partitions: int


def dashboard_of(
    settings: GatewaySettings,
    guard: TokenGuard,
    at: ServedTopics,
    desk: RegistryDesk | None,
    similar: Similar | None = None,
    reasons: Reasons | None = None,
) -> GatewayPart:
    """The part of the gateway; `desk` None: no model can be moved; `similar`, `reasons` None: none is loaded.

    Raises SetUpError, WorkerAddressError.
    """
    own, kafka = DashboardSettings(), at.connection.aiokafka()
    feed = TopicFeed(at.worker.session_config().gap_ms)
    minutes, addresses = own.dashboard_minutes, WorkerAddresses(settings.workers)
    reader = TopicReader(feed, at.names, kafka, at.worker.application_id, minutes, addresses.all)
    token = at.worker.web_token.get_secret_value() if at.worker.web_token else None
    routing = VisitorRouting(WorkerAddresses(settings.workers), at.partitions, token)
    history = VisitorHistory(
        at.names, kafka, at.partitions, minutes, pseudonyms(at.worker.pseudonym_key_file)
    )
    shopper = ShopperView(feed, history, routing.find, minutes, reasons)
    parts = DashboardParts(
        guard, Sources(feed, DemandFile(own.demand)), reader, desk, shopper, _now_ms, similar
    )
    made = dashboard(parts, secure=settings.tls_cert is not None)

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        async with routing.running(), made.running():
            yield

    return made._replace(running=running)


def _now_ms() -> int:
    return int(time.time() * 1000)
