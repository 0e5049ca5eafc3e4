"""Policy runs: when they are due, and what becomes of one that dies."""

from pathlib import Path

import pytest

from models.durations import MINUTE_MS
from trainer.policy_runs.policy_rounds import PolicyRounds
from trainer.policy_runs.policy_schedule import POSTERIOR, RUN, PolicyMark, PolicySchedule
from trainer.policy_runs.policy_workdir import PolicyResult, PolicyRunError, PolicyWorkdir
from trainer.run_processes import ATTEMPTS, BUSY

HOURLY = PolicySchedule(every_minutes=60, every_rewards=None, posterior_minutes=5, least=100)
NEVER_RUN = PolicyMark(0, 0)


@pytest.mark.parametrize(
    ("minutes", "rewards", "expected"),
    [
        (61, 99, None),
        (61, 100, RUN),
        (59, 100, POSTERIOR),
        (4, 100, None),
    ],
)
def test_what_is_due(minutes: float, rewards: int, expected: str | None) -> None:
    found = HOURLY.due(NEVER_RUN, NEVER_RUN, int(minutes * MINUTE_MS), rewards)
    assert (found[0] if found else None) == expected


def test_time_alone_is_no_reason() -> None:
    run, posterior = PolicyMark(0, 500), PolicyMark(0, 500)
    assert HOURLY.due(run, posterior, 600 * MINUTE_MS, 500) is None


def test_a_posterior_waits_for_the_run_before_it() -> None:
    run = PolicyMark(58 * MINUTE_MS, 400)
    assert HOURLY.due(run, NEVER_RUN, 60 * MINUTE_MS, 500) is None
    found = HOURLY.due(run, NEVER_RUN, 63 * MINUTE_MS, 500)
    assert found == (POSTERIOR, "100 new rewards")


class Child:
    """A process that ends when it is told how."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.ended = False

    def poll(self) -> int | None:
        return self.status

    def terminate(self) -> None:
        self.ended = True

    def wait(self, timeout: float | None = None) -> int:
        return 0


class World:
    """Rounds whose processes are `Child`s."""

    def __init__(self, folder: Path, rewards: int = 1_000) -> None:
        self.children: list[Child] = []
        self.at = PolicyWorkdir(folder)
        self.count = rewards
        self.rounds = self.restarted()

    def restarted(self) -> PolicyRounds:
        self.rounds = PolicyRounds(self.at, HOURLY, self.launch, lambda: self.count, began=0)
        return self.rounds

    def launch(self) -> Child:
        self.children.append(Child())
        return self.children[-1]

    def end(self, promoted: bool = True) -> None:
        order = self.at.order()
        assert order is not None
        self.at.end(PolicyResult(order=order, at=1, version="v1", promoted=promoted, why="better"))
        self.children[-1].status = 0


def test_a_due_run_is_ordered_and_started_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    for minutes in (61, 62, 63):
        world.rounds.step(minutes * MINUTE_MS)
    assert len(world.children) == 1
    order = world.at.order()
    assert order is not None
    assert (order.sort, order.rewards, order.at) == (RUN, 1_000, 61 * MINUTE_MS)


def test_a_posterior_is_updated_only_where_the_serving_policy_has_one(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.rounds.step(10 * MINUTE_MS)
    assert not world.children
    world.rounds.updates = lambda: True
    world.rounds.step(10 * MINUTE_MS)
    order = world.at.order()
    assert order is not None
    assert order.sort == POSTERIOR


def test_a_result_is_told_once_whoever_does_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(tmp_path)
    world.rounds.step(61 * MINUTE_MS)
    world.end()
    for _ in range(3):
        world.restarted().step(62 * MINUTE_MS)
    assert capsys.readouterr().out.count("policy run ended") == 1
    assert len(world.children) == 1


def test_a_run_outlives_its_trainer(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.rounds.step(61 * MINUTE_MS)
    world.rounds.close()
    assert world.children[0].ended
    world.restarted().step(62 * MINUTE_MS)
    assert len(world.children) == 2
    order = world.at.order()
    assert order is not None
    assert order.at == 61 * MINUTE_MS


def test_a_run_that_keeps_dying_is_given_up_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(tmp_path)
    for _ in range(ATTEMPTS):
        world.rounds.step(61 * MINUTE_MS)
        world.children[-1].status = -9
    world.rounds.step(62 * MINUTE_MS)
    world.rounds.step(62 * MINUTE_MS)
    done = world.at.done(RUN)
    assert done is not None
    assert done.why.startswith("the run died 3 times, the last time with exit status -9")
    assert capsys.readouterr().out.count("policy run ended") == 1
    assert len(world.children) == ATTEMPTS


def test_a_locked_folder_is_no_death(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.rounds.step(61 * MINUTE_MS)
    world.children[-1].status = BUSY
    world.rounds.step(62 * MINUTE_MS)
    order = world.at.order()
    assert order is not None
    assert order.attempts == 0


def test_a_run_that_was_killed_before_tidying_up_has_ended(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.rounds.step(61 * MINUTE_MS)
    order = world.at.order()
    assert order is not None
    world.end()
    world.at.begin(order)
    assert world.at.order() is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text("{")
    with pytest.raises(PolicyRunError, match=r"order\.json cannot be read .*: delete it to start again"):
        PolicyWorkdir(tmp_path).order()
