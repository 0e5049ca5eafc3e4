"""Announcing a version: on a real broker, and where there is none."""

from pathlib import Path

import msgspec
import pytest

from deploy.cluster.clients import consumer, drain
from models.contract.updates import ModelUpdate
from models.features.features import FEATURES_VERSION
from models.registry import registry
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from tests.scoring import parts, real_clicks, vocabulary
from trainer.promotion.announce import PLACEMENT, PromotionError, announce, announcement


@pytest.fixture
def update(tmp_path: Path) -> ModelUpdate:
    name = registry.save(tmp_path, parts(vocabulary(real_clicks(100), 40)), 1_700_000_000_000)
    return announcement(registry.load(tmp_path / name), FEATURES_VERSION)


def test_a_worker_can_load_what_was_announced(
    update: ModelUpdate, broker: Connection, topics: TopicNames
) -> None:
    announce(update, broker.kafka_python(), topics.model_updates)
    with consumer(broker) as client:
        records = list(drain(client, topics.model_updates))
    assert [record.key for record in records] == [PLACEMENT.encode()]
    told = msgspec.json.decode(records[0].value, type=ModelUpdate)
    assert told == update
    assert registry.load(Path(told.path), sha256=told.sha256).id == told.version


def test_no_broker_is_one_clear_line(update: ModelUpdate) -> None:
    with pytest.raises(PromotionError, match="check the broker"):
        announce(update, {"bootstrap_servers": ["127.0.0.1:1"]}, "model-updates", timeout=1)
