"""The bundled broker: a life of starts and stops, and its clear errors."""

import os
import signal
import socket
import subprocess

import psutil
import pytest
from click.testing import CliRunner

from deploy.broker.broker import Broker
from deploy.broker.broker_process import PortBusy, Process, answers, free_port
from deploy.broker.distribution import BrokerError
from deploy.cli import main
from deploy.cluster.clients import admin, consumer, drain, producer
from deploy.cluster.topic_creation import ensure
from streams.config.connection import Connection
from streams.errors import SetUpError
from tests.brokers import start_broker, topic_names


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    broker = start_broker(tmp_path_factory.mktemp("own"))
    yield broker
    broker.stop()


@pytest.fixture
def own(started):
    """A running broker that a test may stop and kill."""
    started.start()
    return started


def test_topics_and_records_survive_a_restart(own):
    here, names = Connection(bootstrap_servers=own.bootstrap), topic_names()
    assert set(ensure(here, names)) == {*names.by_visitor, *names.broadcast}
    with producer(here) as client:
        client.send(names.clicks, b"value", b"key")
    assert own.stop()
    assert not answers(own.bootstrap)
    assert own.start()
    assert ensure(here, names) == []
    with consumer(here) as client:
        assert [(record.key, record.value) for record in drain(client, names.clicks)] == [(b"key", b"value")]


def test_starting_twice_keeps_the_first(own):
    first = own.running()
    assert not own.start()
    assert own.running() == first
    with pytest.raises(BrokerError, match=f"on port {own.port}, not"):
        Broker(own.directory, free_port()).start()


def test_a_killed_broker_is_not_believed_to_run_and_starts_again(own):
    os.kill(own.running().pid, signal.SIGKILL)
    psutil.Process(own.files.recall().pid).wait(20)
    assert own.running() is None
    assert own.start()
    assert answers(own.bootstrap)


def test_a_reused_process_id_is_not_taken_for_the_broker(tmp_path):
    broker = Broker(tmp_path, free_port())
    with subprocess.Popen(["sleep", "60"]) as other:
        process = psutil.Process(other.pid)
        broker.files.remember(Process(other.pid, broker.port, process.create_time() - 3600))
        assert broker.running() is None
        assert not broker.stop()
        assert process.is_running()
        other.kill()


def test_a_taken_port_is_named_with_its_holder(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(
            PortBusy, match=f"port {port} is taken by .*pid {os.getpid()}.*KAFKA_BOOTSTRAP_SERVERS"
        ):
            Broker(tmp_path, port).start()


def test_the_log_is_quoted_when_kafka_refuses_its_settings(tmp_path):
    broken = Broker(tmp_path, free_port(), settings={"log.cleaner.threads": "none"})
    with pytest.raises(BrokerError, match=r"log\.cleaner\.threads"):
        broken.start()
    assert broken.running() is None


def test_unequal_partitions_are_refused(broker):
    names = topic_names()
    with admin(broker) as client:
        options = {"replication_factor": 1}
        client.create_topics({names.clicks: {"num_partitions": 4, **options}}, wait_for_metadata=True)
        client.create_topics({names.ad_decisions: {"num_partitions": 2, **options}}, wait_for_metadata=True)
    with pytest.raises(SetUpError, match=f"{names.clicks}: 4.*{names.ad_decisions}: 2"):
        ensure(broker, names)


def test_missing_topics_take_the_partitions_of_those_that_exist(broker):
    names = topic_names()
    with admin(broker) as client:
        client.create_topics(
            {names.clicks: {"num_partitions": 3, "replication_factor": 1}}, wait_for_metadata=True
        )
    assert names.clicks not in ensure(broker, names, partitions=8)
    with admin(broker) as client:
        described = client.describe_topics([*names.by_visitor, *names.broadcast])
    assert {topic["name"]: len(topic["partitions"]) for topic in described} == {
        **dict.fromkeys(names.by_visitor, 3),
        **dict.fromkeys(names.broadcast, 1),
    }


def test_command_line_start_status_stop(tmp_path, monkeypatch):
    monkeypatch.setenv("PATHCAST_BROKER_DIR", str(tmp_path))
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    port, run = free_port(), CliRunner().invoke
    try:
        started = run(main, ["broker", "start", "--port", str(port)])
        assert f"is up at 127.0.0.1:{port}" in started.output, started.output
        assert f"running at 127.0.0.1:{port}" in run(main, ["broker", "status"]).output
        created = run(main, ["topics", "--partitions", "2"])
        assert "clicks " in created.output, created.output
    finally:
        stopped = run(main, ["broker", "stop"])
    assert "stopped" in stopped.output
    assert run(main, ["broker", "status"]).exit_code == 3
    unreachable = run(main, ["topics"])
    assert unreachable.exit_code == 1
    assert "pathcast broker start" in unreachable.output
