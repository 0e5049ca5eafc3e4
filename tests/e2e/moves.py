"""Promotions and rollbacks as commands make them, on topics of a test's own."""

import time
from pathlib import Path

from models.features.features import FEATURES_VERSION
from models.registry.version_files import Registered
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from trainer.promotion.announce import announce, announcement
from trainer.promotion.promotions import Promotions


def moves(broker: Connection, names: TopicNames, registry: Path) -> Promotions:
    """What is entered in the registry's ledger is told to the workers of these topics."""

    def tell(version: Registered) -> None:
        announce(announcement(version, FEATURES_VERSION), broker.kafka_python(), names.model_updates)

    return Promotions(registry, tell, lambda: int(time.time() * 1000), "test")
