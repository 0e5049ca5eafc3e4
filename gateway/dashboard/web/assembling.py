"""The dashboard of a gateway, from its settings."""

import time

from gateway.dashboard.dashboard_settings import DashboardSettings
from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.dashboard.feeds.topic_reader import TopicReader
from gateway.dashboard.feeds.visitor_history import VisitorHistory
from gateway.dashboard.feeds.worker_questions import WorkerQuestions
from gateway.dashboard.figures.items_page import DemandFile
from gateway.dashboard.figures.pages import Sources
from gateway.dashboard.figures.registry_desk import RegistryDesk
from gateway.dashboard.web.dashboard_part import DashboardParts, dashboard
from gateway.dashboard.web.shopper_view import ShopperView
from gateway.gateway_settings import GatewaySettings
from gateway.http.guard import TokenGuard
from gateway.http.parts import GatewayPart
from streams.config.connection import Connection
from streams.config.secret_file import pseudonyms
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings


def dashboard_of(
    settings: GatewaySettings, guard: TokenGuard, to: Connection, desk: RegistryDesk | None
) -> GatewayPart:
    """The part of the gateway; `desk` None: models cannot be moved from here. Raises SetUpError."""
    names, worker, feed = TopicNames(), WorkerSettings(), TopicFeed()
    addresses = [one.strip() for one in settings.workers.split(",") if one.strip()]
    own, kafka = DashboardSettings(), to.aiokafka()
    minutes = own.dashboard_minutes
    reader = TopicReader(feed, names, kafka, worker.application_id, minutes, lambda: addresses)
    token = worker.web_token.get_secret_value() if worker.web_token else None
    asked = WorkerQuestions(lambda: addresses, token)
    history = VisitorHistory(names, kafka, minutes, pseudonyms(worker.pseudonym_key_file))
    shopper = ShopperView(feed, history, asked.profile, asked.reasons, minutes)
    sources = Sources(feed, DemandFile(own.demand))
    parts = DashboardParts(guard, sources, reader, desk, shopper, _now_ms)
    return dashboard(parts, secure=settings.tls_cert is not None)


def _now_ms() -> int:
    return int(time.time() * 1000)
