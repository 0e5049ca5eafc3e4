"""Commands and a real broker that denies rights, or takes only tiny records: one line each, and no trace."""

from types import SimpleNamespace

import pytest
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ConfigResource,
    ConfigResourceType,
    ResourcePattern,
    ResourceType,
)

from deploy.cluster.clients import admin
from deploy.cluster.topic_creation import ensure
from deploy.commands.learning import trainer_command
from streams.config.connection import Connection
from tests.brokers import start_guarded_broker, topic_names
from tests.failing_commands import WORD, Place, arguments, refusal, run
from tests.tiny import version

JAAS = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'user_nobody="secret" user_reader="secret";'
)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A broker with rights: clients without credentials may do all, the two users what they are granted."""
    settings = {
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": JAAS,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    broker, secured = start_guarded_broker(tmp_path_factory.mktemp("guarded") / "broker", settings)
    names = topic_names()
    ensure(Connection(bootstrap_servers=broker.bootstrap), names, partitions=1)
    yield SimpleNamespace(open=broker.bootstrap, secured=secured, names=names)
    broker.stop()


@pytest.fixture
def place(guarded, tmp_path, monkeypatch):
    """A folder of files, and the environment of a command for that broker."""
    monkeypatch.chdir(tmp_path)
    for role, name in guarded.names.model_dump().items():
        monkeypatch.setenv(f"PATHCAST_TOPIC_{role.upper()}", name)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", guarded.open)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PATHCAST_REGISTRY", str(tmp_path / "registry"))
    monkeypatch.setenv("PATHCAST_APPLICATION_ID", guarded.names.clicks)
    monkeypatch.setattr(trainer_command, "_check", lambda: None)
    return Place.make(tmp_path)


def as_user(monkeypatch, guarded, user):
    credentials = {
        "KAFKA_BOOTSTRAP_SERVERS": guarded.secured,
        "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_SASL_USERNAME": user,
        "KAFKA_SASL_PASSWORD": "secret",
    }
    for name, value in credentials.items():
        monkeypatch.setenv(name, value)


def words(place, *path, more=()):
    named = version(place.folder / "registry").id
    return [{WORD: named}.get(word, word) for word in [*arguments(path, place), *more]]


READING = [
    ("topics",),
    ("worker",),
    ("log", "ingest"),
    ("models", "workers"),
    ("score-lapsing",),
    ("dead-letters", "list"),
    ("dead-letters", "show"),
    ("decisions", "verify"),
    ("visitor", "forget"),
    ("state", "show"),
    ("state", "copies"),
    ("state", "rebase"),
    ("state", "strike"),
    ("trainer",),
]
CHECKING = ("input", "check")
WRITING = [("models", "promote"), ("replay",)]


@pytest.mark.parametrize("path", [*READING, *WRITING, CHECKING], ids=" ".join)
def test_a_user_without_rights(path, place, guarded, monkeypatch):
    as_user(monkeypatch, guarded, "nobody")
    refusal(words(place, *path, more=["--topic", guarded.names.clicks] if path == CHECKING else ()))


@pytest.fixture(scope="module")
def reader(guarded):
    """The second user may read and describe all topics, and write none."""
    anything = ResourcePattern(ResourceType.TOPIC, "*")
    allowed = [
        ACL("User:reader", "*", operation, ACLPermissionType.ALLOW, anything)
        for operation in (ACLOperation.READ, ACLOperation.DESCRIBE)
    ]
    with admin(Connection(bootstrap_servers=guarded.open)) as client:
        client.create_acls(allowed)


@pytest.mark.parametrize("path", [*WRITING, ("visitor", "forget")], ids=" ".join)
def test_a_user_who_may_not_write(path, place, guarded, reader, monkeypatch):
    as_user(monkeypatch, guarded, "reader")
    said = refusal(words(place, *path))
    assert "right" in said or "Authorization" in said
    if path == ("visitor", "forget"):
        assert "Done so far: nothing" in said


def test_a_user_who_may_read_reads(place, guarded, reader, monkeypatch):
    as_user(monkeypatch, guarded, "reader")
    assert run(["dead-letters", "list"]).exit_code == 0


@pytest.mark.parametrize("limited", ["clicks", "items"])
def test_a_topic_that_takes_only_tiny_records(limited, place, guarded):
    topic = getattr(guarded.names, limited)
    tiny(guarded, topic, "20")
    try:
        assert "max.message.bytes" in refusal(["replay", str(place.log), "--unthrottled", "--replace-items"])
    finally:
        tiny(guarded, topic, "1048588")


def tiny(guarded, topic, size):
    with admin(Connection(bootstrap_servers=guarded.open)) as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": size})])
