"""Wrong surroundings: one clear line that says what to do, and a non-zero exit; or the incumbent is kept."""

import json
import shutil
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest
from kafka.errors import TopicAlreadyExistsError

from deploy.cluster.clients import admin, consumer
from deploy.cluster.topic_creation import ensure
from streams.config.connection import Connection
from tests.brokers import topic_names
from tests.e2e.worker import START_SECONDS, Worker, click, encoded, send
from tests.tiny import announce, announcement
from tests.tiny import version as tiny


def refusal(worker: Worker) -> str:
    """The line with which a worker ended; fails where it was not one clear line."""
    status = worker.start().process.wait(START_SECONDS)
    said = worker.said()
    assert status not in (0, None), said
    assert "Traceback" not in said, said
    (line,) = (line for line in said.splitlines() if line.startswith("Error:"))
    return line


WRONG_SETTINGS = [
    ({"chunk_records": "many"}, "PATHCAST_CHUNK_RECORDS"),
    ({"deadline_ms": "-1"}, "PATHCAST_DEADLINE_MS"),
    ({"application_id": "no spaces"}, "PATHCAST_APPLICATION_ID"),
    ({"device": "abacus"}, "PATHCAST_DEVICE"),
    ({"session_gap_minutes": "1e9"}, "PATHCAST_SESSION_GAP_MINUTES"),
    ({"session_gap_minutes": 3_000, "churn_days": 1}, "gap"),
    ({"actions": "/nonexistent.toml"}, "PATHCAST_ACTIONS"),
]


@pytest.mark.parametrize(("settings", "named"), WRONG_SETTINGS, ids=lambda one: str(one)[:40])
def test_a_wrong_setting_is_named(broker, topics, tmp_path, settings, named):
    assert named in refusal(Worker(broker, topics, tmp_path, **settings))


def test_an_unreachable_broker(tmp_path):
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        nobody = Connection(bootstrap_servers=f"127.0.0.1:{silent.getsockname()[1]}")
        line = refusal(Worker(nobody, topic_names(), tmp_path))
    assert nobody.bootstrap_servers in line
    assert "KAFKA_BOOTSTRAP_SERVERS" in line


def test_missing_topics(broker, tmp_path):
    names = topic_names()
    line = refusal(Worker(broker, names, tmp_path))
    assert names.clicks in line
    assert "pathcast topics" in line


def test_workers_of_an_older_version_in_the_group(broker, topics, tmp_path):
    """Their transactions have no guard: no worker of this version starts beside them."""
    patient = {"session_timeout_ms": 60_000, "max_poll_interval_ms": 600_000}
    with consumer(broker, group_id=topics.clicks, **patient) as older:
        older.subscribe([topics.clicks])
        while not older.assignment():
            older.poll(timeout_ms=100)
        line = refusal(Worker(broker, topics, tmp_path, session_timeout_seconds=6))
        assert "older version" in line
        assert "stop all of them" in line
    assert "waiting until workers of an older version have left" in (tmp_path / "worker.log").read_text()


def create(broker, name, partitions):
    with admin(broker) as client:
        client.create_topics({name: {"num_partitions": partitions, "replication_factor": -1, "configs": {}}})


def test_topics_with_unequal_partitions(broker, tmp_path):
    names = topic_names()
    for name in (*names.by_visitor, *names.broadcast):
        create(broker, name, {names.clicks: 3, names.items: 1, names.model_updates: 1}.get(name, 2))
    line = refusal(Worker(broker, names, tmp_path))
    assert f"{names.clicks}: 3" in line
    assert f"{names.ad_decisions}: 2" in line


def test_a_broadcast_topic_with_several_partitions(broker, tmp_path):
    names = topic_names()
    for name in (*names.by_visitor, *names.broadcast):
        create(broker, name, 2 if name == names.items else 1)
    assert names.items in refusal(Worker(broker, names, tmp_path))


def test_a_datadir_that_cannot_be_written(broker, topics, tmp_path):
    (tmp_path / "file").touch()
    line = refusal(Worker(broker, topics, tmp_path, datadir=tmp_path / "file" / "data"))
    assert str(tmp_path / "file" / "data") in line
    assert "PATHCAST_DATADIR" in line


def test_a_changelog_that_wants_more_brokers_than_there_are(broker, topics, tmp_path):
    line = refusal(Worker(broker, topics, tmp_path, changelog_replication=3))
    assert "PATHCAST_CHANGELOG_REPLICATION is 3" in line
    assert "1 broker" in line


def test_a_taken_port(broker, topics, tmp_path):
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        line = refusal(Worker(broker, topics, tmp_path, web_port=taken.getsockname()[1]))
    assert "PATHCAST_WEB_PORT" in line


def test_a_datadir_of_another_running_worker(broker, running, tmp_path):
    other = Worker(broker, running.names, tmp_path, datadir=running.folder / "data")
    assert "datadir" in refusal(other)
    assert running.is_ready()


def recreate(broker, name, partitions):
    with admin(broker) as client:
        client.delete_topics([name])
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                client.create_topics({name: {"num_partitions": partitions, "replication_factor": -1}})
            except TopicAlreadyExistsError:
                time.sleep(0.2)
            else:
                return
    raise AssertionError(f"{name} was not deleted within 60 s")


def test_a_recreated_topic_under_existing_state(broker, tmp_path):
    names = topic_names()
    ensure(broker, names, partitions=1)
    worker = Worker(broker, names, tmp_path)
    with worker:
        with worker.dealing_with(5):
            send(broker, names.clicks, encoded(click(number) for number in range(5)))
        assert worker.stop() == 0
    recreate(broker, names.clicks, 1)
    send(broker, names.clicks, encoded(click(number) for number in range(5, 8)))
    worker.log.unlink()
    line = refusal(worker)
    assert names.clicks in line
    assert "pathcast state rebase" in line


def spoil(folder: Path, name: str, spoilt: str) -> None:
    """A copy of a version with one byte of its weights changed."""
    shutil.copytree(folder / name, folder / spoilt)
    weights = folder / spoilt / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)


def test_a_model_that_cannot_be_used_is_refused_and_the_incumbent_stays(broker, running):
    folder, topic = running.folder / "registry", running.names.model_updates
    good = tiny(folder)
    announce(broker, topic, folder, good.id)
    running.wait(lambda: running.total("pathcast_model_swaps_total") == 1, "the model was not loaded")
    spoil(folder, good.id, "20260101T000000-spoilt")
    other = announcement(folder, tiny(folder, seed=2).id)
    bad = [
        announcement(folder, "20260101T000000-spoilt"),
        b'{"version": "20260101T000000-nowhere"}',
        b"no json",
        other.replace(b'"sha256":"', b'"sha256":"0'),
    ]
    for number, value in enumerate(bad, start=1):
        send(broker, topic, [(b"onsite", value)])
        running.wait(lambda n=number: running.total("pathcast_models_refused_total") == n, "not refused")
    with running.dealing_with(1):
        send(broker, running.names.clicks, encoded([click(0, "judge")]))
    answers = [json.loads(one) for one in json.loads(running.get("/visitors/judge")[1])["answers"]]
    assert {(one["model_version"], one["rung"]) for one in answers} == {(good.id, "neural")}
    assert running.said().count('"model refused"') == len(bad)
    assert f'"incumbent": "{good.id}"' in running.said()
