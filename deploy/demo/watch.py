"""Reading what is on the topics, as any consumer of the answers would: committed records only."""

import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from kafka import TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from deploy.demo.board import Board
from deploy.kafka import consumer
from streams.connection import Connection
from streams.topics import TopicNames


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


def watcher(
    to: Connection, names: TopicNames, board: Board, on_decision: Callable[[Any], None]
) -> Background:
    """Feeds the board with clicks, answers and dead letters from their topics' starts."""
    roles = {
        getattr(names, role): role
        for role in TopicNames.model_fields
        if getattr(names, role) in names.by_visitor
    }

    def watch(halt: threading.Event) -> None:
        with consumer(to) as client:
            parts = [TopicPartition(topic, n) for topic in roles for n in client.partitions_for_topic(topic)]
            client.assign(parts)
            client.seek_to_beginning(*parts)
            while not halt.is_set():
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
            board.lag = _lag(url)

    return Background("lag", read)


def _lag(url: str) -> int | None:
    try:
        with urllib.request.urlopen(f"{url}/metrics", timeout=2) as response:
            text = response.read().decode()
    except OSError:
        return None
    families = text_string_to_metric_families(text)
    samples = [s for family in families for s in family.samples if s.name == "pathcast_lag_records"]
    return int(sum(sample.value for sample in samples))
