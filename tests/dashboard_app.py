"""A gateway that has the dashboard only, over a feed that a test fills."""

from pathlib import Path
from typing import Any

from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.dashboard.feeds.visitor_history import ROLES, VisitorRecords
from gateway.dashboard.figures.items_page import DemandFile
from gateway.dashboard.figures.pages import Sources
from gateway.dashboard.figures.registry_desk import RegistryDesk
from gateway.dashboard.web.dashboard_part import DashboardParts, dashboard
from gateway.dashboard.web.shopper_view import Reasons, ShopperView
from gateway.dashboard.web.similar_view import Similar
from gateway.gateway_settings import GatewaySettings
from gateway.http.gateway_metrics import GatewayMetrics
from gateway.http.guard import TokenGuard
from gateway.service.application import create_app
from tests.dashboard_records import NOW

WHY = {"explanation": {"purchase_intent": {"text": "because of the cart"}}}
PROFILE = {"profile": {"sessions": 3, "orders": 1, "spent": 12.5, "interests": {"tea": 0.75}}, **WHY}


class OneVisitor:
    """The history of the visitor v1; others have none."""

    def __init__(self, found: dict[str, list[dict[str, Any]]]) -> None:
        self._found = found

    async def read(self, visitor: str) -> VisitorRecords:
        empty = {role: [] for role in ROLES}
        return VisitorRecords(empty | (self._found if visitor == "v1" else {}), whole=True)


async def find(visitor: str) -> dict[str, Any] | None:
    return PROFILE if visitor == "v1" else None


def application(
    feed: TopicFeed,
    history: dict[str, list[dict[str, Any]]] | None = None,
    tokens: Path | None = None,
    desk: RegistryDesk | None = None,
    demand: Path | None = None,
    similar: Similar | None = None,
    reasons: Reasons | None = None,
) -> Any:
    """The application; without `tokens` callers on this machine have every role."""
    settings = GatewaySettings(tokens=tokens)
    guard = TokenGuard(settings)
    shopper = ShopperView(feed, OneVisitor(history or {}), find, 60, reasons)
    sources = Sources(feed, DemandFile(demand))
    parts = DashboardParts(guard, sources, None, desk, shopper, lambda: NOW, similar)
    return create_app(settings, guard, GatewayMetrics(), [dashboard(parts)])
