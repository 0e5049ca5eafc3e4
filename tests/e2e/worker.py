"""A real `pathcast worker` process, and what outside clients see of its topics."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

from kafka import TopicPartition

from deploy.broker.broker_process import free_port
from deploy.cluster.clients import consumer, drain, producer
from streams.config.connection import Connection
from streams.config.topics import TopicNames

START_SECONDS = 180.0
ANSWER_SECONDS = 240.0
SETTLE_SECONDS = 5.0
START = 1_700_000_000_000
#: A replay's mark: event times are believed though the records are stamped now.
REPLAYED = [("original-time", b"0")]
ROLES = ("purchase_intent", "recommendations", "ad_decisions")
FATES = ("pathcast_events_total", "pathcast_dead_letters_total", "pathcast_duplicates_total")


class Worker:
    """A worker process on one set of topics; stopped and started again it keeps its datadir and its group."""

    #: All processes that were started: a test that fails leaves some behind (`tests/e2e/conftest.py`).
    started: ClassVar[list["subprocess.Popen[bytes]"]] = []
    command: ClassVar[Sequence[str | Path]] = (Path(sys.executable).parent / "pathcast", "worker")

    def __init__(self, broker: Connection, names: TopicNames, folder: Path, **settings: Any) -> None:
        self.broker, self.names, self.folder = broker, names, folder
        self.log = folder / "worker.log"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._settings = {
            "application_id": names.clicks,
            "datadir": folder / "data",
            "registry": folder / "registry",
            "web_port": self.port,
            "device": "cpu",
            **settings,
        }

    @property
    def environment(self) -> dict[str, str]:
        """This process's own without its PATHCAST_ variables, and the worker's settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PATHCAST_")}
        topics = {f"PATHCAST_TOPIC_{role.upper()}": name for role, name in self.names.model_dump().items()}
        own = {f"PATHCAST_{name.upper()}": str(value) for name, value in self._settings.items()}
        kafka = {"KAFKA_BOOTSTRAP_SERVERS": self.broker.bootstrap_servers, "OMP_NUM_THREADS": "1"}
        return kept | topics | kafka | own

    def start(self) -> Self:
        """Start the process; its output goes to `log`."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )
        self.started.append(self._process)
        return self

    def __enter__(self) -> Self:
        return self.start().wait_ready()

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The process started last."""
        assert self._process is not None, "the worker was not started"
        return self._process

    def said(self) -> str:
        """All that the worker has written so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and body of an HTTP endpoint."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def is_ready(self) -> bool:
        """Whether /readyz says so; not listening yet is not ready."""
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def wait_ready(self, seconds: float = START_SECONDS) -> Self:
        """Return once partitions are assigned, recovered and the broadcast topics read."""
        self.wait(self.is_ready, "not ready", seconds)
        return self

    def wait(self, holds: Callable[[], bool], complaint: str, seconds: float = ANSWER_SECONDS) -> None:
        """Poll until `holds()`; fail at once when the worker has ended."""
        deadline = time.monotonic() + seconds
        while not holds():
            ended = self.process.poll()
            assert ended is None, f"the worker ended with {ended}:\n{self.said()[-3000:]}"
            assert time.monotonic() < deadline, f"{complaint} in {seconds} s:\n{self.said()[-3000:]}"
            time.sleep(0.05)

    def metrics(self) -> dict[str, float]:
        """Samples by name with labels, as /metrics writes them: `pathcast_answers_total{rung="neural"}`."""
        lines = (line for line in self.get("/metrics")[1].splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def total(self, *names: str) -> int:
        """Sum of counters over their labels, 0 where nothing was counted yet."""
        return int(sum(value for key, value in self.metrics().items() if key.split("{")[0] in names))

    @contextmanager
    def dealing_with(self, count: int, seconds: float = ANSWER_SECONDS) -> Iterator[None]:
        """Wait until the inputs sent meanwhile have met their fate; there are to be exactly `count`."""
        goal = self.total(*FATES) + count
        yield
        self.wait(lambda: self.total(*FATES) >= goal, f"fewer than {count} inputs dealt with", seconds)
        assert self.total(*FATES) == goal

    def stop(self, seconds: float = 60.0) -> int:
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)


def click(number: int, visitor: str = "v0", ts: int | None = None, **fields: Any) -> dict[str, Any]:
    """A valid event; its time is `START` + `number` seconds unless given."""
    known = {"event_id": f"e{number}", "visitor_id": visitor, "event": "view_item"}
    own = {"item_id": f"i{number % 9}", "ts": START + 1000 * number if ts is None else ts}
    return known | own | fields


def encoded(events: Iterable[Mapping[str, Any]]) -> list[tuple[bytes, bytes]]:
    """Key and value of events."""
    return [(str(event["visitor_id"]).encode(), json.dumps(event).encode()) for event in events]


def send(
    broker: Connection,
    topic: str,
    pairs: Sequence[tuple[bytes | None, bytes | None]],
    partition: int | None = None,
    **options: Any,
) -> None:
    """Produce pairs in order, as a replay does: old event times are no skew."""
    with producer(broker, **options) as client:
        futures = [client.send(topic, value, key, REPLAYED, partition) for key, value in pairs]
        client.flush()
    refused = [future.exception for future in futures if future.failed()]
    assert not refused, refused[:3]


def read(broker: Connection, topic: str, partition: int | None = None) -> list[Any]:
    """Committed records of a topic (of one partition) as of now."""
    settle(broker, topic)
    with consumer(broker) as client:
        return list(drain(client, topic, partition))


def settle(broker: Connection, topic: str) -> None:
    """Wait until what was committed before can be read: a commit is told before its marks are written.

    A transaction that stays open longer than SETTLE_SECONDS is not waited for.
    """
    with consumer(broker, isolation_level="read_uncommitted") as every, consumer(broker) as committed:
        parts = [TopicPartition(topic, number) for number in every.partitions_for_topic(topic) or ()]
        written, deadline = every.end_offsets(parts), time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            stable = committed.end_offsets(parts)
            if all(stable[part] >= written[part] for part in parts):
                return
            time.sleep(0.02)


def decoded(broker: Connection, topic: str) -> list[dict[str, Any]]:
    """Their values as JSON."""
    return [json.loads(record.value) for record in read(broker, topic)]
