"""Policy runs beside the trainer's others: one that cannot go on is told once, and the rest goes on."""

from pathlib import Path

import pytest

from trainer.eventlog.log import EventLog
from trainer.policy_runs.policy_rounds import PolicyRounds
from trainer.policy_runs.policy_schedule import PolicySchedule
from trainer.policy_runs.policy_workdir import PolicyRunError, PolicyWorkdir
from trainer.service.schedule import RunSchedule
from trainer.service.trainer_process import LOOK_MS, Trainer
from trainer.service.workdir import Workdir


class Writer:
    """Writes nothing; counts its rounds."""

    rounds = 0

    def step(self, wait_ms: int = 500) -> int:
        self.rounds += 1
        return 0

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


class Rounds(PolicyRounds):
    """Of one placement; fails where it is told to."""

    steps = 0
    fails = False
    closed = False

    def step(self, now: int) -> None:
        self.steps += 1
        if self.fails:
            raise PolicyRunError("the disk is full")

    def close(self) -> None:
        self.closed = True


def _rounds(folder: Path) -> Rounds:
    never = PolicySchedule(None, None, None, 1)
    return Rounds(PolicyWorkdir(folder), never, lambda: pytest.fail("no run is due"), lambda: 0, 0)


def test_policy_runs_that_cannot_go_on_harm_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, sound = _rounds(tmp_path / "a"), _rounds(tmp_path / "b")
    broken.fails = True
    clock, writer = iter(range(1_000_000, 2_000_000, LOOK_MS)), Writer()
    trainer = Trainer(
        EventLog.at(str(tmp_path / "log")),
        writer,
        Workdir(tmp_path / "work"),
        RunSchedule(),
        {},
        lambda: pytest.fail("no run is due"),
        lambda: next(clock),
        policies=[broken, sound],
    )
    for _ in range(4):
        trainer.step()
    trainer.close()
    assert (broken.steps, sound.steps, writer.rounds) == (1, 4, 4)
    assert sound.closed
    said = capsys.readouterr().out
    assert said.count("policy runs end") == 1
    assert "the disk is full" in said
