"""A trainer with January behind it, which must be in the topic before February begins."""

import time
from dataclasses import dataclass
from pathlib import Path

from deploy.cluster.records import RecordSource
from deploy.cluster.replay import Pace, replay
from deploy.demo.children import TrainerProcess, WorkerProcess
from deploy.demo.learning import Learning
from deploy.demo.watch import metrics
from streams.config.connection import Connection

#: Inputs that the worker has dealt with, whatever their fate.
_DONE = "pathcast_events_total", "pathcast_dead_letters_total", "pathcast_duplicates_total"


@dataclass(frozen=True)
class School:
    """A trainer, its folder, and how many of January's clicks it finds in the topic."""

    trainer: TrainerProcess
    learning: Learning
    january: int


def answered(to: Connection, log: Path, clicks: str, worker: WorkerProcess) -> int:
    """Send a log to the topic `clicks` at once; how many they were, when the worker is done with them.

    Raises DemoError if it ends before.
    """
    sent = replay(to, RecordSource(log), Pace(), clicks).sent
    while (metrics(worker.url, *_DONE) or 0) < sent:
        worker.check()
        time.sleep(0.2)
    return sent
