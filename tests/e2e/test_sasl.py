"""A worker behind authentication: credentials reach Faust, the transactional producers and the look-ups."""

import pytest
from pydantic import SecretStr

from deploy.cluster.topic_creation import ensure
from streams.config.connection import Connection
from tests.brokers import start_guarded_broker, topic_names
from tests.e2e.worker import Worker, click, decoded, encoded, send

JAAS = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_shop="secret";'


@pytest.fixture
def guarded(tmp_path, monkeypatch):
    """A broker whose clients are sent to a listener that wants SASL PLAIN."""
    settings = {
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": JAAS,
    }
    broker, secured = start_guarded_broker(tmp_path / "broker", settings)
    credentials = {
        "bootstrap_servers": secured,
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
