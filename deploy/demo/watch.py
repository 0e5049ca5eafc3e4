"""Reading the topics as any consumer of the answers would: committed records only."""

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

#: Records within this time are fetched together; single fetches took half a core at 100 records a second.
PAUSE_SECONDS = 0.025


class Background(threading.Thread):
    """A thread that works until it is stopped; its error is kept for the main thread."""

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
        """Ask the thread to end, and wait for it for a while."""
        self.halt.set()
        self.join(10)


def ends(to: Connection, names: TopicNames) -> dict[TopicPartition, int]:
    """Present ends of the topics keyed by visitor, by partition."""
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
    """Feeds clicks, answers and dead letters to the board, from the offsets `starts` of each partition."""
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
    """Copies the worker's `pathcast_lag_records` to the board, once a second."""

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
    """Feeds the trainer's log lines in `said`, its event log and the ledger to the board."""
    log, ledger = EventLog.at(str(learning.log)), Ledger(learning.registry)

    def read(halt: threading.Event) -> None:
        with said.open() as lines:
            over = False
            # Read once more at the end, for results of the last clicks.
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
    """Complete log lines written since; other output in the file is left out."""
    while True:
        at = lines.tell()
        line = lines.readline()
        if not line.endswith("\n"):
            lines.seek(at)
            return
        if line.startswith("{"):
            yield json.loads(line)
