"""Clicks that retention deletes before they are read: logged, counted by partition, and shown."""

import json
import re

from kafka import TopicPartition

from deploy.cluster.clients import admin
from deploy.cluster.state import partition_positions
from deploy.cluster.topic_creation import ensure
from tests.brokers import topic_names
from tests.e2e.forgetting import pathcast
from tests.e2e.worker import FATES, Worker, click, encoded, read, send


def delete_before(broker, topic, partition, offset):
    """What retention does to a log, at once."""
    with admin(broker) as client:
        client.delete_records({TopicPartition(topic, partition): offset})


def lost(worker, partition):
    return worker.metrics().get(f'pathcast_lost_clicks_total{{partition="{partition}"}}', 0)


def batch(first, count):
    return encoded([click(n, "kim") for n in range(first, first + count)])


def standing(broker, names, partition):
    return partition_positions(broker, names.clicks, names.clicks)[partition]


def test_every_click_is_answered_or_counted_as_lost(broker, tmp_path):
    names = topic_names()
    ensure(broker, names, partitions=2)
    worker = Worker(broker, names, tmp_path, session_timeout_seconds=6)
    with worker:
        with worker.dealing_with(10):
            send(broker, names.clicks, batch(0, 10), 0)
        assert worker.stop() == 0
    # Of partition 0 thirty of fifty clicks, of partition 1, of which nothing was read yet, everything.
    send(broker, names.clicks, batch(10, 50), 0)
    send(broker, names.clicks, batch(60, 5), 1)
    delete_before(broker, names.clicks, 0, 40)
    delete_before(broker, names.clicks, 1, 5)
    shown = pathcast(worker, tmp_path / "log", "state", "show")
    assert f"{names.clicks}[0]: retention deleted 30 clicks before they were read (30 of" in shown
    assert f"{names.clicks}[1]: retention deleted 5 clicks" in shown
    with worker:
        worker.wait(lambda: worker.total("pathcast_lost_clicks_total") == 35, "losses are not counted")
        worker.wait(lambda: worker.total(*FATES) == 20, "not answered")
        assert (lost(worker, 0), lost(worker, 1)) == (30, 5)
        said = worker.said()
        assert len(re.findall("clicks lost: retention deleted them before they were read", said)) == 2
        assert "10 to 39" in said
        assert worker.stop() == 0
    assert (standing(broker, names, 0).checkpoint.lost, standing(broker, names, 1).checkpoint.lost) == (30, 5)
    shown = pathcast(worker, tmp_path / "log", "state", "show")
    assert f"{names.clicks}[0]: retention deleted 30 clicks before they were read\n" in shown
    answered = [json.loads(one.value)["event_id"] for one in read(broker, names.purchase_intent)]
    assert len(answered) == len(set(answered)) == 30
    with worker:
        # Counted once, and what was lost is not counted by another process.
        with worker.dealing_with(3):
            send(broker, names.clicks, batch(100, 3), 0)
        assert worker.total("pathcast_lost_clicks_total") == 0
