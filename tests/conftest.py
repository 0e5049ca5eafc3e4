"""A Kafka broker for the whole test session, and fresh topics for each test."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import settings

from deploy.cluster.topic_creation import ensure
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from tests.brokers import shared_broker, topic_names

# Tests of worked examples hold only in a copy with their patch applied (tests/contract/test_extending.py).
collect_ignore_glob = ["extending/*"]

# No test depends on time: a busy machine is not a failure.
settings.register_profile("untimed", parent=settings(), deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def own_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands that run in this process set logging up: the next test must not write to what they closed."""
    configure = structlog.configure

    def uncached(**given: Any) -> None:
        configure(**given | {"cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", uncached)
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """KAFKA_BOOTSTRAP_SERVERS, else a broker of this run's own (KAFKA_HOME's or the bundled one).

    Processes of one run (pytest-xdist) share it: their temporary folders lie in that of the run.
    """
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield Connection()
        return
    own = tmp_path_factory.getbasetemp()
    with shared_broker((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "broker") as bootstrap:
        yield Connection(bootstrap_servers=bootstrap)


@pytest.fixture(scope="session")
def docker_broker() -> Iterator[Connection]:
    """A broker of the official image; skips where Docker does not answer."""
    from tests.docker_broker import run_image

    yield from run_image()


@pytest.fixture(params=["bundled", "official image"])
def any_broker(request: pytest.FixtureRequest) -> Connection:
    """For tests that must hold on the bundled broker and on the official image alike."""
    name = "broker" if request.param == "bundled" else "docker_broker"
    connection: Connection = request.getfixturevalue(name)
    return connection


@pytest.fixture
def topics(broker: Connection) -> TopicNames:
    """Fresh topics with 4 partitions on the session's broker."""
    names = topic_names()
    ensure(broker, names, partitions=4)
    return names
