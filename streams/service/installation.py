"""What a worker was started with, checked: settings, Kafka, topics, its folder."""

from pathlib import Path
from typing import NamedTuple

from streams.config.connection import Connection
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings


class Installation(NamedTuple):
    """`datadir` is there and belongs to this worker; the topics are there, with `partitions` for clicks."""

    settings: WorkerSettings
    connection: Connection
    names: TopicNames
    datadir: Path
    partitions: int

    @property
    def seals(self) -> bool:
        """Whether answers are sealed."""
        return self.settings.envelope_key_file is not None
