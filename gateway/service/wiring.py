"""Build the gateway's application from its settings and those of the installation."""

from fastapi import FastAPI

from gateway.gateway_settings import GatewaySettings
from gateway.http.gateway_metrics import GatewayMetrics
from gateway.http.guard import TokenGuard
from gateway.service.application import create_app
from gateway.service.event_wiring import event_part
from gateway.service.model_wiring import model_parts
from gateway.service.served_shop import ServedShop


def application(settings: GatewaySettings, shop: ServedShop) -> FastAPI:
    """The application with all parts. Raises TokenFileError, SetUpError, WorkerAddressError."""
    metrics, guard = GatewayMetrics(), TokenGuard(settings)
    parts = [event_part(settings, shop, metrics), *model_parts(settings, shop)]
    return create_app(settings, guard, metrics, parts)
