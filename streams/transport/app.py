"""The Faust application: one agent that passes chunks to the partitions, one table that holds the state."""

from pathlib import Path
from typing import Any, Protocol

import faust
import mode.loop
from faust.assignor import PartitionAssignor

from models.durations import DAY_MS
from streams.transport.recovering import Tables
from streams.transport.runtime import Runtime

mode.loop.use("uvloop")

#: Workers with one transaction a partition have the protocol "faust", and a group has one protocol.
PROTOCOL = "pathcast-2"

#: Settings with which the worker creates the changelog, so that recovery reads little more than one record
#: per key. Kafka never compacts the active segment, so segments are small; its default ratio would leave
#: half of the topic stale.
CHANGELOG = {
    "cleanup.policy": "compact",
    "segment.bytes": str(64 << 20),
    "min.cleanable.dirty.ratio": "0.2",
    "max.message.bytes": str(2 << 20),
    # Without a limit, values of a deleted visitor stay until the topic is dirty enough for the cleaner.
    "max.compaction.lag.ms": str(DAY_MS),
}


class Assignor(PartitionAssignor):  # type: ignore[misc]
    """Faust's, under a name of its own: the group admits no worker whose transactions it does not guard."""

    @property
    def name(self) -> str:
        """The name of the group's protocol."""
        return PROTOCOL


class PassThrough(faust.Schema):  # type: ignore[misc]
    """Passes a chunk to the agent unchanged; the processor decodes its records in bulk."""

    def loads_key(self, app: Any, message: Any, **options: Any) -> Any:
        """The key of the message, unchanged."""
        return message.key

    def loads_value(self, app: Any, message: Any, **options: Any) -> Any:
        """The chunk."""
        return message.value


class Service(Protocol):
    """Services that start before the worker joins its group, and stop after it has left."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class ChunkedApp(faust.App):  # type: ignore[misc]
    """A Faust app with Pathcast's transport and store; `runtime` processes the chunks."""

    def __init__(
        self, runtime: Runtime, partitions: int, background: Service | None = None, **options: Any
    ) -> None:
        self.pathcast = runtime
        self._background = background
        super().__init__(runtime.config.settings.application_id, topic_partitions=partitions, **options)
        self.pathcast_table: Any = _wire(self, partitions)

    async def on_start(self) -> None:
        """Open the log and start the background services before anything of Faust starts."""
        await super().on_start()
        try:
            await self.pathcast.start()
            if self._background is not None:
                await self._background.start()
        except Exception as error:  # noqa: BLE001 - mode would log a traceback and hang
            self.pathcast.fail(error)

    async def on_shutdown(self) -> None:
        """Stop the background services after everything of Faust has stopped."""
        await super().on_shutdown()
        await self.pathcast.stop()
        if self._background is not None:
            await self._background.stop()


def build(
    runtime: Runtime,
    *,
    bootstrap: str,
    partitions: int,
    datadir: Path,
    replication: int = 1,
    background: Service | None = None,
    options: dict[str, Any] | None = None,
) -> ChunkedApp:
    """The app for `runtime`: `bootstrap` is "host:port[,…]", `options` override the defaults."""
    url = ";".join(f"chunked://{server}" for server in bootstrap.split(","))
    defaults = {
        "broker": url,
        "store": "fenced://",
        "datadir": str(datadir),
        "topic_replication_factor": replication,
        "topic_disable_leader": True,
        "table_standby_replicas": 0,
        "web_enabled": False,
        "stream_buffer_maxsize": max(64, 4 * partitions),
        "stream_wait_empty": True,
        "broker_commit_interval": 2.0,
        "broker_max_poll_records": runtime.config.settings.chunk_records,
        "stream_recovery_delay": 0.0,
        "agent_supervisor": "mode.supervisors:CrashingSupervisor",
        "TableManager": Tables,
        "PartitionAssignor": Assignor,
    }
    return ChunkedApp(runtime, partitions, background, **{**defaults, **(options or {})})


def _wire(app: ChunkedApp, partitions: int) -> Any:
    """Create the table of the state and the agent that passes chunks on; returns the table."""
    runtime = app.pathcast
    schema = PassThrough(key_type=bytes, value_type=bytes)
    table = app.Table(
        "state",
        partitions=partitions,
        key_type=bytes,
        value_type=bytes,
        schema=schema,
        # 1 would make Faust go on reading the changelog after recovery.
        recovery_buffer_size=2,
        extra_topic_configs=CHANGELOG,
    )
    runtime.config.changelog = table.changelog_topic.get_topic_name()

    async def restored(*_: Any) -> None:
        # A recovery that a rebalance has overtaken also ends here, but says nothing about present partitions:
        # before the assignment there are none, and afterwards the next recovery has been requested.
        recovery = app.tables.recovery
        current = recovery._generation_id == app.consumer_generation_id
        if current and runtime.partitions and not recovery.signal_recovery_start.is_set():
            runtime.restored = True

    table.on_recover(restored)

    async def dispatch(stream: Any) -> None:
        async for event in stream.noack().events():
            runtime.offer(event.value)
            # Faust need not wait for it at the end: it is read again from the checkpoint.
            app.consumer._unacked_messages.discard(event.message)

    app.agent(app.topic(runtime.config.topic, schema=schema), name="dispatch")(dispatch)
    return table
