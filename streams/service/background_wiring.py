"""Wire the background services: broadcast topics, reports, copies of state, endpoints."""

from collections.abc import Callable
from functools import partial

from streams.rollout.warming import warm_up_popular
from streams.service.background import BackgroundServices, conditions
from streams.service.disk_room import watch_disk
from streams.service.installation import Installation
from streams.service.lookups import Lookups
from streams.service.pipeline_wiring import PipelineParts
from streams.service.start_up_warnings import start_up_warnings
from streams.service.web import Conditions, Endpoints
from streams.storage.state_copies import StateCopies
from streams.transport.broadcast import Broadcast, Pairs
from streams.transport.runtime import Runtime


def background(
    at: Installation,
    parts: PipelineParts,
    runtime: Runtime,
    copies: StateCopies,
    end_of: Callable[[int], int | None],
) -> BackgroundServices:
    """The services; `end_of` returns the end of a partition of clicks, None where unknown."""
    connection, wire = at.connection.aiokafka(), at.settings.wire_format()
    grants = parts.pipeline.grants
    grants.recalled = partial(_prompt, runtime)
    broadcasts = [
        Broadcast(at.names.items, connection, lambda pairs: parts.catalogue.apply(wire.pairs(pairs))),
        Broadcast(at.names.model_updates, connection, partial(_follow, parts)),
        Broadcast(at.names.experiments, connection, parts.experiments.follow),
        Broadcast(at.names.budget_grants, connection, grants.apply),
    ]
    chores = [
        start_up_warnings(lambda: parts.models.current, parts.catalogue, parts.policies.unlearned),
        parts.models.run,
        parts.policies.run,
        parts.experiments.run,
        parts.actions.run,
        lambda: parts.reports.run(parts.models.compared),
        copies.run,
        lambda: watch_disk(at.datadir, parts.metrics.disk_free.set),
    ]
    endpoints = _endpoints(at, parts, partial(conditions, runtime, broadcasts))
    return BackgroundServices(runtime, parts.metrics, broadcasts, chores, endpoints, end_of, warm_up_popular)


async def _follow(parts: PipelineParts, pairs: Pairs) -> None:
    """Networks first: a policy may decide from what a network of the same batch of records knows."""
    await parts.models.apply(pairs)
    await parts.policies.apply(pairs)
    # A policy that needs this network is in use now, not only once clicks come.
    parts.policies.of(parts.models.current)


def _prompt(runtime: Runtime, partition: int) -> None:
    """Let the partition, if it is assigned here, return what of a grant is taken back."""
    if (found := runtime.partitions.get(partition)) is not None:
        found.prompt()


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
        lambda: parts.models.describe() | {"policies": parts.policies.describe()},
        partial(lookups.owns_all, at.partitions),
        parts.actions.describe,
        lookups.owned,
    )
