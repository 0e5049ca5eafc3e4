"""The checked inputs of a worker: settings, Kafka, topics, its datadir."""

from pathlib import Path
from typing import NamedTuple

from streams.config.connection import Connection
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings


class Installation(NamedTuple):
    """`datadir` exists and is claimed by this worker; the topics exist, `clicks` with `partitions`."""

    settings: WorkerSettings
    connection: Connection
    names: TopicNames
    datadir: Path
    partitions: int

    @property
    def seals(self) -> bool:
        """Whether answers are sealed."""
        return self.settings.envelope_key_file is not None
