"""Serve the application with uvicorn until SIGTERM or SIGINT."""

import socket

import structlog
import torch
import uvicorn
from fastapi import FastAPI

from gateway.gateway_settings import GatewaySettings
from gateway.service.patience import PatientProtocol
from models.errors import PathcastError
from streams.transport import interpreter

log = structlog.get_logger("pathcast.gateway")
#: Seconds for requests that are under way when the gateway stops.
GRACE = 10


class GatewaySetUpError(PathcastError):
    """The gateway cannot listen, or its files do not fit."""


def serve(app: FastAPI, settings: GatewaySettings) -> None:
    """Listen and answer; returns when stopped. Raises GatewaySetUpError."""
    listening = bound(settings)
    try:
        made = server(app, settings)
    except (OSError, ValueError) as error:
        listening.close()
        raise GatewaySetUpError(
            f"PATHCAST_GATEWAY_TLS_CERT or PATHCAST_GATEWAY_TLS_KEY cannot be used ({error}): expected PEM "
            "files, the key belonging to the certificate"
        ) from error
    host, port = listening.getsockname()[:2]
    log.info("listening", address=f"{'https' if settings.tls_cert else 'http'}://{host}:{port}")
    # The matrices of a path are small: more threads would wait for each other.
    torch.set_num_threads(1)
    interpreter.tune()
    made.run(sockets=[listening])


def bound(settings: GatewaySettings) -> socket.socket:
    """The listening socket. Raises GatewaySetUpError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise GatewaySetUpError(
            f"cannot listen on {settings.host}:{settings.port}: {error}; set PATHCAST_GATEWAY_HOST, or "
            "PATHCAST_GATEWAY_PORT (0: any)"
        ) from error
    return listening


def server(app: FastAPI, settings: GatewaySettings) -> uvicorn.Server:
    """The server that is not started yet. Raises OSError, ValueError for wrong TLS files."""
    PatientProtocol.seconds = settings.request_seconds
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=settings.connections,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        h11_max_incomplete_event_size=16 << 10,
    )
    config.load()
    return uvicorn.Server(config)
