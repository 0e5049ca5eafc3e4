"""A trainer whose event log begins with January, which must be on the topic before February begins."""

import time
from dataclasses import dataclass
from pathlib import Path

from deploy.cluster.records import RecordSource
from deploy.cluster.replay import Pace, replay
from deploy.demo.children import TrainerProcess, WorkerProcess
from deploy.demo.learning import Learning
from deploy.demo.watch import metrics
from streams.config.connection import Connection

#: Metrics that count the inputs that a worker has processed, whatever the outcome.
_DONE = "pathcast_events_total", "pathcast_dead_letters_total", "pathcast_duplicates_total"


@dataclass(frozen=True)
class DemoTrainer:
    """A trainer process, its settings, and how many clicks of January are on the topic."""

    process: TrainerProcess
    learning: Learning
    january: int


def answered(to: Connection, log: Path, clicks: str, worker: WorkerProcess) -> int:
    """Send a log to the topic `clicks` at once; returns the number of clicks when the worker has processed
    them.

    Raises DemoError if the worker ends before that.
    """
    sent = replay(to, RecordSource(log), Pace(), clicks).sent
    while (metrics(worker.url, *_DONE) or 0) < sent:
        worker.check()
        time.sleep(0.2)
    return sent
