"""One worker for all tests of a module that only send clicks to it; none outlives its test."""

import signal
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from deploy.cluster.topic_creation import ensure
from streams.config.connection import Connection
from tests.brokers import topic_names
from tests.e2e.worker import Worker


@pytest.fixture(scope="module")
def running(broker: Connection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A ready worker on topics of the module's own, 2 partitions each."""
    names = topic_names()
    ensure(broker, names, partitions=2)
    with Worker(broker, names, tmp_path_factory.mktemp("worker")) as worker:
        yield worker


@pytest.fixture(autouse=True)
def nobody_left() -> Iterator[None]:
    """Workers and demos that a failed test did not stop would take the next ones' time: these would fail."""
    before = len(Worker.started)
    yield
    for process in Worker.started[before:]:
        if process.poll() is None:
            for one in [*psutil.Process(process.pid).children(recursive=True), process]:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            process.wait()


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> None:
    """A job in a shell's background ignores Ctrl-C, and so would whatever it starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
