"""SASL OAUTHBEARER against a broker: the token reaches Faust, producers, look-ups and commands."""

import json
from base64 import urlsafe_b64encode

import pytest

from deploy.cluster.topic_creation import ensure
from streams.config.connection import Connection
from tests.brokers import start_guarded_broker, topic_names
from tests.e2e.forgetting import pathcast
from tests.e2e.worker import Worker, click, decoded, encoded, send

LOGIN = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
UNSECURED = "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecured"
#: The year 2100: the broker looks at the times of a token.
LATER = 4_102_444_800


def unsigned(name):
    """An unsecured JSON Web Token (RFC 7515, appendix A.5), which brokers take for trials."""
    parts = [{"alg": "none"}, {"sub": name, "iat": 1_700_000_000, "exp": LATER}]
    return ".".join(urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


@pytest.fixture
def guarded(tmp_path, monkeypatch):
    """A broker whose clients are sent to a listener that wants a token; the connection has one in a file."""
    listener = "listener.name.sasl_plaintext.oauthbearer.sasl"
    settings = {
        "sasl.enabled.mechanisms": "OAUTHBEARER",
        f"{listener}.jaas.config": f'{LOGIN} unsecuredLoginStringClaim_sub="broker";',
        f"{listener}.server.callback.handler.class": f"{UNSECURED}ValidatorCallbackHandler",
    }
    broker, secured = start_guarded_broker(tmp_path / "broker", settings)
    (tmp_path / "token").write_text(unsigned("shop"))
    credentials = {
        "bootstrap_servers": secured,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "OAUTHBEARER",
        "sasl_oauth_token_file": str(tmp_path / "token"),
    }
    for name, value in credentials.items():
        monkeypatch.setenv(f"KAFKA_{name.upper()}", value)
    yield Connection(**credentials)
    broker.stop()


def test_a_worker_and_commands_with_a_token_answer(guarded, tmp_path):
    names = topic_names()
    ensure(guarded, names, partitions=2)
    clicks = [click(number, f"v{number % 3}") for number in range(30)]
    with Worker(guarded, names, tmp_path) as worker:
        with worker.dealing_with(len(clicks)):
            send(guarded, names.clicks, encoded(clicks))
        assert pathcast(worker, tmp_path / "log", "state", "show").count("goes on") == 2
        assert worker.stop() == 0
    answered = [answer["event_id"] for answer in decoded(guarded, names.purchase_intent)]
    assert sorted(answered) == sorted(event["event_id"] for event in clicks)
