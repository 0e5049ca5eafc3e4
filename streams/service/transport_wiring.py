"""Wire the transport: the runtime of the partitions, the copies of state, and the Faust application."""

from collections.abc import Callable, Mapping
from typing import Any

from streams.config.topic import WORKER, Partitions, Topic
from streams.effects import Processor
from streams.metrics import Metrics
from streams.service.installation import Installation
from streams.storage.copy_ledger import CopyLedger
from streams.storage.datadir_identity import CLIENT, identity
from streams.storage.erasure_receipts import ErasureReceipts
from streams.storage.partition_store import PartitionStore
from streams.storage.state_copies import StateCopies
from streams.transport import app as apps
from streams.transport.runtime import Announce, Describe, Runtime
from streams.transport.runtime_config import RuntimeConfig
from streams.transport.takeover import Places
from streams.transport.worker_log import WorkerLog
from streams.transport.worker_producer import WorkerProducer, worker_transactional_id


def runtime(
    at: Installation,
    processor: Processor,
    describe: Describe,
    announce: Announce,
    on_failure: Callable[[Exception], None],
    metrics: Metrics,
) -> Runtime:
    """The runtime; it calls `announce` with new partitions first, and `on_failure` to end the process."""

    def lost(partition: int, clicks: int) -> None:
        metrics.lost_clicks.labels(partition).inc(clicks)

    return Runtime(_runtime_config(at), processor, describe, _log(at), announce, on_failure, lost)


def _log(at: Installation) -> WorkerLog:
    settings, application = at.settings, at.settings.application_id
    identifier = worker_transactional_id(application, identity(at.datadir).worker)
    producer = WorkerProducer(identifier, settings.transaction_timeout_ms, at.connection.aiokafka())

    def places(changelog: str) -> Places:
        routed = [at.names.identities, at.names.analytics, at.names.budget_spend]
        return Places(application, at.names.clicks, changelog, _outputs(at), routed)

    return WorkerLog(producer, places)


def _outputs(at: Installation) -> list[str]:
    """Topics to which the transactions of a partition write, at the partition of the same number."""

    def written(topic: Topic) -> bool:
        used = at.seals or not topic.only_sealed
        by_visitor = topic.partitions is Partitions.BY_VISITOR and not topic.side_input
        return used and by_visitor and WORKER in topic.writers

    return sorted(at.names.named(written))


def _runtime_config(at: Installation) -> RuntimeConfig:
    return RuntimeConfig(
        settings=at.settings,
        topic=at.names.clicks,
        changelog="",
        connection=at.connection.aiokafka(),
        threads=_threads(at),
        sides=at.names.sides,
    )


def _threads(at: Installation) -> int:
    """One thread, which processes the next cycle while one commits, unless the setting says 0."""
    known = at.settings.threads
    return 1 if known is None else known


def copies(
    at: Installation, fingerprint: str, opened: Callable[[], Mapping[int, PartitionStore]]
) -> StateCopies:
    """The copies of state in the datadir; `fingerprint` is that of pseudonyms, `opened` the stores in use."""
    connection = at.connection.aiokafka()
    return StateCopies(
        CopyLedger(at.names.state_copies, connection, identity(at.datadir), fingerprint),
        ErasureReceipts(at.names.erasures, connection),
        at.datadir,
        at.settings.revoked_state_hours * 3600,
        opened,
    )


def application(at: Installation, runtime: Runtime, background: apps.Service) -> apps.ChunkedApp:
    """The Faust application; `background` starts before it joins its group."""
    return apps.build(
        runtime,
        bootstrap=",".join(at.connection.servers),
        partitions=at.partitions,
        datadir=at.datadir,
        replication=at.settings.changelog_replication,
        background=background,
        options=_options(at),
    )


def _options(at: Installation) -> dict[str, Any]:
    timeout = at.settings.session_timeout_seconds
    options: dict[str, Any] = {
        "broker_client_id": CLIENT + identity(at.datadir).worker,
        "broker_session_timeout": timeout,
        "broker_heartbeat_interval": timeout / 10,
        "broker_rebalance_timeout": timeout,
        "broker_request_timeout": max(90.0, timeout + 10),
    }
    if (credentials := at.connection.faust_credentials()) is not None:
        options["broker_credentials"] = credentials
    return options
