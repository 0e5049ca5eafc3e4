"""A worker behind authentication: credentials reach Faust, the transactional producers and the look-ups."""

import pytest
from pydantic import SecretStr

from deploy.broker.broker import Broker
from deploy.broker.broker_process import free_port
from deploy.cluster.topic_creation import ensure
from streams.config.connection import Connection
from tests.brokers import topic_names
from tests.e2e.worker import Worker, click, decoded, encoded, send

PROTOCOLS = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT"
JAAS = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_shop="secret";'


@pytest.fixture
def guarded(tmp_path, monkeypatch):
    """A broker whose clients are sent to a listener that wants SASL PLAIN."""
    opened = free_port()
    secured = free_port(opened)
    controller = free_port(opened, secured)
    listeners = f"PLAINTEXT://127.0.0.1:{opened},SASL_PLAINTEXT://127.0.0.1:{secured}"
    settings = {
        "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": listeners,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listener.security.protocol.map": PROTOCOLS,
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": JAAS,
    }
    broker = Broker(tmp_path / "broker", opened, settings=settings)
    broker.start()
    credentials = {
        "bootstrap_servers": f"127.0.0.1:{secured}",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_username": "shop",
        "sasl_password": "secret",
    }
    for name, value in credentials.items():
        monkeypatch.setenv(f"KAFKA_{name.upper()}", value)
    yield Connection(**{**credentials, "sasl_password": SecretStr("secret")})
    broker.stop()


def test_a_worker_with_credentials_answers(guarded, tmp_path):
    names = topic_names()
    ensure(guarded, names, partitions=2)
    clicks = [click(number, f"v{number % 3}") for number in range(30)]
    with Worker(guarded, names, tmp_path) as worker:
        with worker.dealing_with(len(clicks)):
            send(guarded, names.clicks, encoded(clicks))
        assert worker.stop() == 0
    answered = [answer["event_id"] for answer in decoded(guarded, names.purchase_intent)]
    assert sorted(answered) == sorted(event["event_id"] for event in clicks)


def test_a_wrong_password_ends_the_worker_with_one_line(guarded, tmp_path, monkeypatch):
    names = topic_names()
    ensure(guarded, names, partitions=2)
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "wrong")
    worker = Worker(guarded, names, tmp_path).start()
    assert worker.process.wait(90) == 1
    complaint = [line for line in worker.said().splitlines() if line.startswith("Error: ")]
    assert len(complaint) == 1
    assert "KAFKA_BOOTSTRAP_SERVERS" in complaint[0]
    assert "Traceback" not in worker.said()
