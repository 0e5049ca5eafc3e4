"""From a real broker into the event log: killed again and again, it ends as the topics are, row for row."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from deploy.cluster.clients import consumer, drain
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from tests.e2e.worker import click, encoded, send
from tests.eventlogs import originals
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_tables import BY_NAME, TABLES

KILLS = 5
BAD = [b"\xff{", b'{"event": "x"}', None]


def environment(broker: Connection, topics: TopicNames, log: Path, **settings: Any) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PATHCAST_")}
    names = {f"PATHCAST_TOPIC_{role.upper()}": name for role, name in topics.model_dump().items()}
    own = {"LOG": log, "GROUP": topics.clicks, "INSTANCE": "one", "COMMIT_ROWS": 150, **settings}
    trainer = {f"PATHCAST_TRAINER_{name}": str(value) for name, value in own.items()}
    return kept | names | trainer | {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers}


def ingest(env: dict[str, str], *options: str) -> "subprocess.Popen[str]":
    program = [str(Path(sys.executable).parent / "pathcast"), "log", "ingest", *options]
    return subprocess.Popen(program, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finished(env: dict[str, str], *options: str) -> str:
    process = ingest(env, *options)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    return said


def fill(broker: Connection, topics: TopicNames, numbers: range) -> None:
    """Clicks, things that are none, and answers of transactions of which every third is aborted."""
    send(broker, topics.clicks, encoded(click(number, f"v{number % 40}") for number in numbers))
    send(broker, topics.clicks, [(b"v1", value) for value in BAD])
    worker = KafkaProducer(**broker.kafka_python(), transactional_id=f"{topics.clicks}-{numbers.start}")
    worker.init_transactions()
    for number in numbers[::100]:
        worker.begin_transaction()
        for other in range(number, number + 100):
            value = json.dumps({"event_id": f"e{other}", "visitor_id": "v", "ts": other}).encode()
            worker.send(topics.purchase_intent, value, b"v", partition=other % 4)
        worker.flush()
        worker.abort_transaction() if number % 300 == 0 else worker.commit_transaction()
    worker.close()


def held(broker: Connection, topic: str) -> list[Any]:
    """What a consumer of the topic reads, as `originals` gives it."""
    with consumer(broker) as client:
        records = list(drain(client, topic))
    found = [(one.partition, one.offset, one.key, one.value, [*map(list, one.headers)]) for one in records]
    return sorted(found, key=lambda row: row[:2])


def logged(log: EventLog, table: str) -> list[Any]:
    rows = [
        row
        for manifest in log.manifests(table)
        for file in manifest.files
        for row in originals(log.read(file), BY_NAME[table])
    ]
    return sorted(rows, key=lambda row: row[:2])


def agree(broker: Connection, topics: TopicNames, log: EventLog) -> None:
    """The log says of every record of every topic what the topic says."""
    for table in TABLES:
        rows, records = logged(log, table.name), held(broker, getattr(topics, table.setting))
        assert [row[:3] for row in rows] == [record[:3] for record in records], table.name
        assert [row[4] for row in rows] == [record[4] for record in records]
        for row, record in zip(rows, records, strict=True):
            if isinstance(row[3], dict):
                default = {"schema_version": 1} if table is TABLES[0] else {}
                assert row[3] == default | json.loads(record[3])
            else:
                assert row[3] == record[3]


def test_killed_at_random_it_ends_as_the_topics_are(
    broker: Connection, topics: TopicNames, tmp_path: Path
) -> None:
    env = environment(broker, topics, tmp_path / "log", COMMIT_SECONDS=0.2)
    moments, log = random.Random(4), EventLog.at(str(tmp_path / "log"))
    killed_at = set()
    for turn in range(KILLS):
        fill(broker, topics, range(3000 * turn, 3000 * turn + 1500))
        process = ingest(env, "--follow")
        began = sum(manifest.next for manifest in log.manifests())
        deadline = time.monotonic() + 60
        while sum(manifest.next for manifest in log.manifests()) == began:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, "nothing was committed in 60 s"
            time.sleep(0.01)
        time.sleep(moments.random() * 0.3)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed_at.add(sum(manifest.next for manifest in log.manifests()))
    assert len(killed_at) == KILLS
    finished(env)
    agree(broker, topics, log)
    assert finished(env).endswith("0 rows written\n")


def test_a_recreated_topic_is_refused_until_it_is_accepted(
    broker: Connection, topics: TopicNames, tmp_path: Path
) -> None:
    from deploy.cluster.clients import admin
    from deploy.cluster.topic_creation import ensure

    env = environment(broker, topics, tmp_path / "log")
    send(broker, topics.clicks, encoded(click(number, f"v{number}") for number in range(40)))
    finished(env)
    with admin(broker) as client:
        client.delete_topics([topics.clicks])
    ensure(broker, topics, partitions=4)
    send(broker, topics.clicks, encoded(click(number, f"v{number}") for number in range(30)))
    refused = ingest(env)
    said, _ = refused.communicate(timeout=120)
    assert refused.returncode == 1
    assert "was recreated or truncated" in said
    assert "pathcast log ingest --allow-recreated" in said
    finished(env, "--allow-recreated")
    assert len(logged(EventLog.at(str(tmp_path / "log")), "clicks")) == 70


@pytest.mark.parametrize("missing", ["ad_decisions"])
def test_a_missing_topic_is_named(
    broker: Connection, topics: TopicNames, tmp_path: Path, missing: str
) -> None:
    wrong = topics.model_copy(update={missing: "nowhere"})
    process = ingest(environment(broker, wrong, tmp_path / "log"))
    said, _ = process.communicate(timeout=120)
    assert (process.returncode, "there is no topic 'nowhere'" in said) == (1, True), said
