"""The installation that a gateway serves."""

from typing import NamedTuple

from streams.config.connection import Connection
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings
from streams.service.pipeline_wiring import ShopFiles


class ServedShop(NamedTuple):
    """The workers' settings, the cluster, its topics, `clicks` with `partitions`, and the shop's files."""

    worker: WorkerSettings
    connection: Connection
    names: TopicNames
    partitions: int
    files: ShopFiles
