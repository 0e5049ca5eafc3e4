"""The trainer as a process: killed again and again, it makes the version of an undisturbed one."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from deploy.cluster.records import RecordSource, batches
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from tests.e2e.test_event_log import agree
from tests.e2e.worker import send
from tests.scoring import SHIPPED
from trainer.eventlog.log import EventLog
from trainer.promotion.ledger import Ledger
from trainer.service.workdir import RunResult, Workdir

CLICKS = 1500
SETTINGS = (
    "epochs = 6\nembedding = 16\nhidden = 16\ncandidates = 64\nclicks_per_batch = 256\nprecision = 'fp32'\n"
)
#: A start loads torch twice, which takes a busy machine a minute.
SECONDS = 400.0


class Running:
    """A trainer with a folder of its own: event log, working folder, registry, consumer group."""

    def __init__(self, broker: Connection, topics: TopicNames, folder: Path, **settings: Any) -> None:
        folder.mkdir()
        self.folder, self.at = folder, Workdir(folder / "work")
        self.log = EventLog.at(str(folder / "log"))
        (folder / "settings.toml").write_text(SETTINGS)
        own = {
            "log": folder / "log",
            "workdir": folder / "work",
            "group": f"{topics.clicks}-{folder.name}",
            "instance": "one",
            "config": folder / "settings.toml",
            "commit_rows": 100,
            "commit_seconds": 0.3,
            "holdout": 0,
            "epochs_minutes": 600,
            "nice": 0,
            **settings,
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PATHCAST_")}
        names = {f"PATHCAST_TOPIC_{role.upper()}": name for role, name in topics.model_dump().items()}
        trainer = {f"PATHCAST_TRAINER_{name.upper()}": str(value) for name, value in own.items()}
        registry = {"PATHCAST_REGISTRY": str(folder / "registry"), "OMP_NUM_THREADS": "1"}
        kafka = {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers}
        self.environment = kept | names | trainer | registry | kafka

    def command(self, *arguments: str) -> "subprocess.Popen[bytes]":
        with (self.folder / "said.log").open("ab") as said:
            return subprocess.Popen(
                [Path(sys.executable).parent / "pathcast", *arguments],
                env=self.environment,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @contextmanager
    def trainer(self) -> Iterator["subprocess.Popen[bytes]"]:
        """The process; it and the run that it started are killed in the end, wherever they are."""
        process = self.command("trainer")
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def wait(
        self, process: "subprocess.Popen[bytes]", holds: Callable[[], bool], seconds: float = SECONDS
    ) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.02)

    def said(self) -> str:
        return (self.folder / "said.log").read_text()[-4000:]

    def position(self) -> int:
        return sum(manifest.next for manifest in self.log.manifests())

    def finish(self) -> RunResult:
        """Let it run until a run has ended."""
        if self.at.done() is None:
            with self.trainer() as process:
                self.wait(process, lambda: self.at.done() is not None)
                process.send_signal(signal.SIGTERM)
                assert process.wait(60) == 0, self.said()
        done = self.at.done()
        assert done is not None
        return done

    def metrics(self, done: RunResult) -> Any:
        assert done.version is not None, f"{done.why}\n{self.said()}"
        return json.loads((self.folder / "registry" / done.version / "metrics.json").read_bytes())


@pytest.fixture
def filled(broker: Connection, topics: TopicNames) -> TopicNames:
    """Topics with real clicks, some inputs that are none, and nobody who answers."""
    for batch in batches(RecordSource(SHIPPED, limit=CLICKS)):
        send(broker, topics.clicks, list(zip(batch.keys, batch.values, strict=True)))
    send(broker, topics.clicks, [(b"v", b"{")] * 3)
    return topics


def phases(running: Running) -> list[Callable[[], bool]]:
    """Moments of a first run: at its first commit, while it reads, while it learns, when it was ordered."""
    began = running.position()
    return [
        lambda: running.position() > began,
        lambda: (running.at.folder / "order.json").exists(),
        running.at.slice.exists,
        lambda: (running.at.checkpoint / "checkpoint.json").exists(),
    ]


def same_as_undisturbed(broker: Connection, filled: TopicNames, tmp_path: Path, killed: Running) -> None:
    end = killed.finish()
    disturbed = killed.metrics(end)
    agree(broker, filled, killed.log)
    calm = Running(broker, filled, tmp_path / "calm", every_clicks=CLICKS + 3)
    undisturbed = calm.finish()
    assert calm.metrics(undisturbed) == disturbed
    assert (undisturbed.promoted, undisturbed.why) == (end.promoted, end.why)
    assert disturbed["lineage"]["offsets"][filled.clicks].keys() == {"0", "1", "2", "3"}


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_killed_in_every_phase_it_makes_the_same_version(
    broker: Connection, filled: TopicNames, tmp_path: Path
) -> None:
    running = Running(broker, filled, tmp_path / "killed", every_clicks=CLICKS + 3)
    for phase in phases(running):
        with running.trainer() as process:
            running.wait(process, phase)
    same_as_undisturbed(broker, filled, tmp_path, running)
    assert not running.at.slice.exists()
    assert running.at.order() is None
    done = running.at.done()
    assert done is not None
    assert done.version is not None
    assert Ledger(running.folder / "registry").status().refused == {done.version: done.why}
    assert "too little to judge" in done.why


@pytest.mark.timeout(1800)
def test_settings_that_turn_bad_end_a_run_which_is_told_once(
    broker: Connection, filled: TopicNames, tmp_path: Path
) -> None:
    running = Running(broker, filled, tmp_path / "bad", every_clicks=CLICKS + 3)
    settings, said = running.folder / "settings.toml", running.folder / "said.log"
    with running.trainer() as process:
        running.wait(process, lambda: running.position() > 0)
        settings.write_text("epochs: 6")
        running.wait(process, lambda: "run ended" in said.read_text())
        settings.write_text(SETTINGS)
        # Ctrl-C lets the round end, as SIGTERM does.
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, running.said()
    done = running.at.done()
    assert done is not None
    assert (done.version, done.order.attempts, "settings.toml cannot be read" in done.why) == (None, 0, True)
    assert running.command("retrain").wait(60) == 0, running.said()
    with running.trainer() as process:
        running.wait(process, lambda: said.read_text().count("run ordered") == 2)
    assert said.read_text().count("run ended") == 1


@pytest.mark.slow
def test_killed_twenty_times_at_random_it_makes_the_same_version(
    broker: Connection, filled: TopicNames, tmp_path: Path
) -> None:
    running, moments = Running(broker, filled, tmp_path / "killed", every_clicks=CLICKS + 3), random.Random(7)
    within = 0
    for _ in range(20):
        end = time.monotonic() + 15 * moments.random()
        within += running.at.done() is None
        with running.trainer() as process:
            running.wait(process, lambda end=end: time.monotonic() > end)
    print(f"\n20 kills, {within} of them before the run had ended")
    assert within >= 5
    same_as_undisturbed(broker, filled, tmp_path, running)
