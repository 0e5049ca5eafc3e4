"""Wire the background services: broadcast topics, reports, copies of state, endpoints."""

from collections.abc import Callable
from functools import partial

from streams.service.background import BackgroundServices, conditions
from streams.service.installation import Installation
from streams.service.lookups import Lookups
from streams.service.pipeline_wiring import PipelineParts
from streams.service.start_up_warnings import start_up_warnings
from streams.service.web import Conditions, Endpoints
from streams.storage.state_copies import StateCopies
from streams.transport.broadcast import Broadcast
from streams.transport.runtime import Runtime


def background(
    at: Installation,
    parts: PipelineParts,
    runtime: Runtime,
    copies: StateCopies,
    end_of: Callable[[int], int | None],
) -> BackgroundServices:
    """The services; `end_of` returns the end of a partition of clicks, None where unknown."""
    connection = at.connection.aiokafka()
    broadcasts = [
        Broadcast(at.names.items, connection, parts.catalogue.apply),
        Broadcast(at.names.model_updates, connection, parts.models.apply),
    ]
    chores = [
        start_up_warnings(lambda: parts.models.current, parts.catalogue),
        parts.models.run,
        lambda: parts.reports.run(parts.models.compared),
        copies.run,
    ]
    endpoints = _endpoints(at, parts, partial(conditions, runtime, broadcasts))
    return BackgroundServices(runtime, parts.metrics, broadcasts, chores, endpoints, end_of)


def _endpoints(at: Installation, parts: PipelineParts, ready: Conditions) -> Endpoints:
    settings, lookups = at.settings, Lookups(parts.pipeline, parts.models)
    token = settings.web_token.get_secret_value() if settings.web_token else None
    return Endpoints(
        settings.web_host,
        settings.web_port,
        token,
        parts.metrics,
        ready,
        lookups.look_up,
        lookups.explain,
        parts.models.describe,
        partial(lookups.owns_all, at.partitions),
    )
