"""Build the gateway's application from its settings and those of the installation."""

from fastapi import FastAPI

from gateway.gateway_settings import GatewaySettings
from gateway.http.gateway_metrics import GatewayMetrics
from gateway.http.guard import TokenGuard
from gateway.service.application import create_app


def application(settings: GatewaySettings) -> FastAPI:
    """The application with all parts. Raises TokenFileError."""
    metrics = GatewayMetrics()
    return create_app(settings, TokenGuard(settings), metrics, [])
