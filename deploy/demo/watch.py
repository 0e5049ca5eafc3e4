"""Reading what is on the topics, as any consumer of the answers would: committed records only."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from kafka import TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from deploy.cluster.clients import consumer
from deploy.demo.board import Board
from deploy.demo.learning import Learning
from deploy.demo.retraining import Retraining
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_tables import CLICKS
from trainer.promotion.ledger import Ledger

#: What comes within it is read at once: else the broker answers for each record, half a core at 100 a second.
PAUSE_SECONDS = 0.025


class Background(threading.Thread):
    """A thread that works until told to stop; what it dies of is kept for the main thread to tell."""

    def __init__(self, name: str, work: Callable[[threading.Event], Any]) -> None:
        super().__init__(name=name, daemon=True)
        self.halt = threading.Event()
        self.failure: Exception | None = None
        self._work = work

    def run(self) -> None:
        """The thread's body."""
        try:
            self._work(self.halt)
        except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to
            self.failure = error

    def stop(self) -> None:
        """Ask it to end, and wait for that a while."""
        self.halt.set()
        self.join(10)


def ends(to: Connection, names: TopicNames) -> dict[TopicPartition, int]:
    """Where the topics keyed by visitor end now, by partition."""
    with consumer(to) as client:
        parts = [
            TopicPartition(topic, n) for topic in names.by_visitor for n in client.partitions_for_topic(topic)
        ]
        found: dict[TopicPartition, int] = client.end_offsets(parts)
        return found


def watcher(
    to: Connection,
    names: TopicNames,
    starts: Mapping[TopicPartition, int],
    board: Board,
    on_decision: Callable[[Any], None],
) -> Background:
    """Feeds the board with clicks, answers and dead letters, from offset `starts` of each partition on."""
    roles = {
        getattr(names, role): role
        for role in TopicNames.model_fields
        if getattr(names, role) in names.by_visitor
    }

    def watch(halt: threading.Event) -> None:
        with consumer(to) as client:
            client.assign(list(starts))
            for part, offset in starts.items():
                client.seek(part, offset)
            while not halt.wait(PAUSE_SECONDS):
                _take(client.poll(timeout_ms=100), roles, board, on_decision)

    return Background("watcher", watch)


def _take(fetched: Any, roles: dict[str, str], board: Board, on_decision: Callable[[Any], None]) -> None:
    now = time.time()
    for part, records in fetched.items():
        role = roles[part.topic]
        with board.lock:
            said = [board.feed(role, record, now) for record in records]
        if role == "ad_decisions":
            for decision in said:
                on_decision(decision)


def lag_reader(url: str, board: Board) -> Background:
    """Brings the worker's own `pathcast_lag_records` to the board, once a second."""

    def read(halt: threading.Event) -> None:
        while not halt.wait(1.0):
            found = metrics(url, "pathcast_lag_records")
            board.lag = None if found is None else int(found)

    return Background("lag", read)


def metrics(url: str, *names: str) -> float | None:
    """The sum of all samples of a worker's metrics with these names; None if it does not answer."""
    try:
        with urllib.request.urlopen(f"{url}/metrics", timeout=2) as response:
            text = response.read().decode()
    except OSError:
        return None
    families = text_string_to_metric_families(text)
    return sum(sample.value for family in families for sample in family.samples if sample.name in names)


def trainer_reader(said: Path, learning: Learning, board: Board, retraining: Retraining) -> Background:
    """Brings to the board what the trainer's lines in `said` say, its event log and the ledger."""
    log, ledger = EventLog.at(str(learning.log)), Ledger(learning.registry)

    def read(halt: threading.Event) -> None:
        with said.open() as lines:
            over = False
            # Once more after the end is asked for: what came of the last clicks is told as well.
            while not over:
                over = halt.wait(0.5)
                clicks, entries = sum(found.rows for found in log.manifests(CLICKS.name)), ledger.entries()
                with board.lock:
                    retraining.clicks = clicks
                    retraining.judged(entries)
                    for line in heard(lines):
                        retraining.hear(line)

    return Background("trainer's reader", read)


def heard(lines: TextIO) -> Iterator[dict[str, Any]]:
    """The log lines that have been written to their end since; others that share the file are left out."""
    while True:
        at = lines.tell()
        line = lines.readline()
        if not line.endswith("\n"):
            lines.seek(at)
            return
        if line.startswith("{"):
            yield json.loads(line)
