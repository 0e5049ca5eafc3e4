"""Build the gateway's application from its settings and those of the installation."""

from fastapi import FastAPI

from gateway.answers.forget_routes import Forget
from gateway.dashboard.dashboard_settings import DashboardSettings
from gateway.dashboard.figures.registry_desk import RegistryDesk
from gateway.dashboard.web.assembling import ServedTopics, dashboard_of
from gateway.gateway_settings import GatewaySettings
from gateway.http.gateway_metrics import GatewayMetrics
from gateway.http.guard import TokenGuard
from gateway.service.application import create_app
from gateway.service.event_wiring import event_part
from gateway.service.model_wiring import model_parts
from gateway.service.served_shop import ServedShop


def application(
    settings: GatewaySettings,
    shop: ServedShop,
    desk: RegistryDesk | None = None,
    forget: Forget | None = None,
) -> FastAPI:
    """The application with all parts; `desk` lets the dashboard move models, `forget` erases visitors.

    Raises TokenFileError, SetUpError, WorkerAddressError.
    """
    metrics, guard = GatewayMetrics(), TokenGuard(settings)
    models = model_parts(settings, shop)
    parts = [event_part(settings, shop, metrics, forget), *models.parts]
    if DashboardSettings().dashboard:
        topics = ServedTopics(*shop[:4])
        parts.append(dashboard_of(settings, guard, topics, desk, models.similar, models.reasons))
    return create_app(settings, guard, metrics, parts)
