"""Where the benchmark runs: one broker of its own, a scratch folder, and what is seen of it from outside."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.broker.broker import Broker
from deploy.broker.broker_process import free_port
from streams.config.connection import Connection

PARTITIONS = 4
#: Seconds between two looks at the output's end offsets.
LOOK_EVERY = 0.02
#: Seconds until something must have happened: a first output, or the next one.
PATIENCE = 120.0
#: Seconds without growth after which an input is used up.
SETTLED_AFTER = 1.0


#: The broker goes before the clients: librdkafka would report that on the terminal.
QUIET = {"log_level": 2}


class BenchError(Exception):
    """A measured process ended or stalled; its log says why."""


class Rate(NamedTuple):
    """Outputs seen in steady state, from the first ones readable to the last, and how long it took."""

    events: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.events / self.seconds


@dataclass
class Ground:
    """A running broker (its process id, where it is the benchmark's own) and a folder; everything else that
    the benchmark makes lives in these two.
    """

    bootstrap: str
    folder: Path
    broker: int | None = None

    def __post_init__(self) -> None:
        client = {
            "bootstrap.servers": self.bootstrap,
            "group.id": "outside",
            "isolation.level": "read_committed",
        }
        self._outside = Consumer({**client, **QUIET})
        self._admin = AdminClient({"bootstrap.servers": self.bootstrap, **QUIET})

    @property
    def connection(self) -> Connection:
        """The broker as Pathcast's own settings have it."""
        return Connection(bootstrap_servers=self.bootstrap)

    def create(
        self, topic: str, config: Mapping[str, str] | None = None, partitions: int = PARTITIONS
    ) -> None:
        """A new topic; returns when it is there."""
        for done in self._admin.create_topics(
            [NewTopic(topic, partitions, 1, config=dict(config or {}))]
        ).values():
            done.result(30)

    def delete(self, *topics: str) -> None:
        """Remove topics that are not needed any more: a full disk would end the benchmark."""
        for done in self._admin.delete_topics(list(topics)).values():
            with suppress(Exception):
                done.result(30)

    def end(self, topic: str) -> int:
        """Sum of the partitions' last stable offsets: what a read_committed consumer can have read."""
        return sum(self._end(TopicPartition(topic, number)) for number in range(PARTITIONS))

    def _end(self, part: TopicPartition) -> int:
        try:
            return self._outside.get_watermark_offsets(part, 30, cached=False)[1]
        except KafkaException:  # librdkafka remembers that a new topic was not there
            self._outside.list_topics(part.topic, 10)
            return 0

    def size(self, topic: str) -> int:
        """Bytes of a topic on the broker's disk."""
        folders = (self.folder / "broker" / "data").glob(f"{topic}-[0-9]*")
        return sum(file.stat().st_size for folder in folders for file in folder.glob("*.log"))

    @contextmanager
    def process(self, name: str, command: list[str], env: Mapping[str, str]) -> Iterator["Running"]:
        """A process with its log in the folder; ended by SIGTERM, and by force where that does not help."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            started = subprocess.Popen(
                command, env={**os.environ, **env}, stdout=out, stderr=subprocess.STDOUT
            )
        try:
            yield Running(started, log)
        finally:
            started.terminate()
            try:
                started.wait(20)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()

    def steady(self, topic: str, goal: int, running: "Running", whole: bool = False, since: int = 0) -> Rate:
        """The rate from the first outputs readable to `goal` of them; from now where the first are all.

        Outputs count from the offset `since`.
        `whole`: the goal is the whole input; transaction markers, which take offsets too, are then left out.
        Raises BenchError when the process ends or nothing comes for PATIENCE.
        """
        begun = time.perf_counter(), since
        first = last = self._next(topic, begun, running)
        if first[1] >= since + goal:
            first = begun
        while last[1] < since + goal:
            last = self._next(topic, last, running)
        while whole and time.perf_counter() - last[0] < SETTLED_AFTER:
            time.sleep(LOOK_EVERY)
            if (seen := self.end(topic)) > last[1]:
                last = time.perf_counter(), seen
        share = goal / (last[1] - since) if whole else 1.0
        return Rate(round((last[1] - first[1]) * share), last[0] - first[0])

    def _next(self, topic: str, last: tuple[float, int], running: "Running") -> tuple[float, int]:
        """When there was more than at `last`, and how much."""
        while (seen := self.end(topic)) <= last[1]:
            running.check()
            if time.perf_counter() - last[0] > PATIENCE:
                raise running.error(f"no more than {last[1]} on {topic} for {PATIENCE:.0f} s")
            time.sleep(LOOK_EVERY)
        return time.perf_counter(), seen


class Running(NamedTuple):
    """A measured process and its log."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def check(self) -> None:
        """Raises BenchError if it has ended."""
        if self.process.poll() is not None:
            raise self.error(f"it ended with {self.process.returncode}")

    def error(self, what: str) -> BenchError:
        """An error with the end of the log, which goes with the folder."""
        tail = self.log.read_text(errors="replace")[-3000:]
        return BenchError(f"{self.log.stem}: {what}; its log ends with:\n{tail}")


@contextmanager
def ground(keep: Path | None = None) -> Iterator[Ground]:
    """A broker on a free port with 1 GB of heap, its data in a temporary folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="pathcast-bench-", dir=keep) as name:
        broker = Broker(Path(name) / "broker", free_port(), heap="1g")
        broker.start()
        try:
            running = broker.running()
            yield Ground(broker.bootstrap, Path(name), running.pid if running else None)
        finally:
            broker.stop()


def module(name: str) -> list[str]:
    """The command that runs a module of the benchmark in a process of its own."""
    return [sys.executable, "-m", name]
