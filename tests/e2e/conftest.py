"""One worker for all tests of a module that only send clicks to it."""

from collections.abc import Iterator

import pytest

from deploy.topics import ensure
from streams.connection import Connection
from tests.brokers import topic_names
from tests.e2e.worker import Worker


@pytest.fixture(scope="module")
def running(broker: Connection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A ready worker on topics of the module's own, 2 partitions each."""
    names = topic_names()
    ensure(broker, names, partitions=2)
    with Worker(broker, names, tmp_path_factory.mktemp("worker")) as worker:
        yield worker
