"""When runs are due, that one is made at a time, and what becomes of those that fail, die, or are outrun."""

import json
import subprocess
import sys
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import structlog
from click.testing import CliRunner

from deploy.commands.learning.retrain_command import command as retrain
from models.durations import MINUTE_MS
from models.registry.versions import Version
from tests.eventlogs import DAY, START, buffer, click, filled, rows, shipped
from tests.scoring import SHIPPED
from tests.training import SMALL
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_erasure import forget
from trainer.logs.log_files import read_log
from trainer.run_processes import ATTEMPTS, BUSY, start_process
from trainer.service.requests import Request, answered, ask, asked
from trainer.service.run_maker import PromotionVerdict, Recipe, RunMaker
from trainer.service.schedule import Mark, RunSchedule, due
from trainer.service.trainer_process import LOOK_MS, TEND_MS, Trainer
from trainer.service.workdir import RunOrder, RunResult, TrainerError, Workdir

HOUR = 60 * MINUTE_MS
ORDER = RunOrder(id="1", reason="because", at=START, clicks=7)


@pytest.mark.parametrize(
    ("minutes", "clicks", "now", "taken", "expected"),
    [
        (60.0, None, START + HOUR, 101, "60 minutes since the last run"),
        (60.0, None, START + HOUR - 1, 101, None),
        (60.0, None, START + HOUR, 100, None),
        (None, 50, START, 150, "50 new clicks"),
        (None, 50, START + DAY, 149, None),
        (60.0, 50, START + HOUR, 149, "60 minutes since the last run"),
        (None, None, START + DAY, 10**9, None),
    ],
)
def test_time_and_clicks_make_a_run_due(
    minutes: float | None, clicks: int | None, now: int, taken: int, expected: str | None
) -> None:
    assert due(RunSchedule(minutes, clicks), Mark(START, 100), now, taken, {}) == expected


def test_a_request_makes_a_run_due_whatever_the_schedule_says() -> None:
    wanted = {"a": Request("drift", "scores moved", START), "b": Request("operator", "new season", START)}
    found = due(RunSchedule(), Mark(START, 100), START, 100, wanted)
    assert found == "drift: scores moved; operator: new season"


def test_requests_wait_until_they_are_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = EventLog.at(str(tmp_path / "log"))
    monkeypatch.setenv("PATHCAST_TRAINER_LOG", str(tmp_path / "log"))
    later = ask(log, Request("drift", "b", 10**13))
    assert CliRunner().invoke(retrain, ["--reason", "a"]).exit_code == 0
    log.place.write("_requests/000000000000000-broken.json", b"{")
    assert [one.reason for one in asked(log).values()] == ["a", "b"]
    answered(log, [later, "never there"])
    assert [one.reason for one in asked(log).values()] == ["a"]


def test_an_order_and_its_end_survive(tmp_path: Path) -> None:
    at = Workdir(tmp_path / "work")
    assert (at.order(), at.done(), at.mark()) == (None, None, None)
    at.begin(ORDER)
    at.slice.write_bytes(b"x")
    assert Workdir(tmp_path / "work").order() == ORDER
    at.end(RunResult(order=ORDER, at=START + 5, version="v", promoted=True, why="good"))
    assert (at.order(), at.mark(), at.slice.exists()) == (None, Mark(START, 7), False)


def test_a_run_that_ended_and_was_killed_before_it_tidied_up_is_not_made_again(tmp_path: Path) -> None:
    at = Workdir(tmp_path)
    at.end(RunResult(order=ORDER, at=START, version="v", promoted=True, why="good"))
    at.begin(ORDER)
    at.slice.write_bytes(b"x")
    assert (at.order(), at.slice.exists()) == (None, False)


def test_only_one_makes_the_run(tmp_path: Path) -> None:
    at = Workdir(tmp_path)
    with at.alone() as one, at.alone() as other:
        assert (one, other) == (True, False)
    with at.alone() as again:
        assert again


def test_a_damaged_order_and_a_folder_that_is_none_are_explained(tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text("{")
    with pytest.raises(TrainerError, match="delete it to start again"):
        Workdir(tmp_path).order()
    with pytest.raises(TrainerError, match="PATHCAST_TRAINER_WORKDIR"):
        Workdir(tmp_path / "order.json").begin(ORDER)


@dataclass
class World:
    """A trainer over a log in memory whose runs are real processes; the clock is turned by hand."""

    folder: Path
    programs: list[str]
    schedule: RunSchedule = field(default_factory=lambda: RunSchedule(clicks=10))
    now: int = START
    clicks: int = 0
    launched: int = 0
    adapted: int = 0
    adapting: str = ""
    looked: int = 0

    def __post_init__(self) -> None:
        self.log = EventLog.at(f"memory://{uuid.uuid4()}")
        self.at = Workdir(self.folder / "work")
        self.trainer = self.new()

    def new(self) -> Trainer:
        days, clock = {"clicks": 30.0}, lambda: self.now
        return Trainer(
            self.log,
            self,
            self.at,
            self.schedule,
            days,
            self.launch,
            clock,
            self.check,
            self.adapt,
            self.calibrate,
        )

    def check(self) -> "subprocess.Popen[bytes]":
        """Drift is seen at once."""
        ask(self.log, Request("drift", "scores moved", self.now))
        return start_process([sys.executable, "-c", ""])

    def adapt(self) -> "subprocess.Popen[bytes]":
        self.adapted += 1
        return start_process([sys.executable, "-c", self.adapting])

    def calibrate(self) -> "subprocess.Popen[bytes]":
        self.looked += 1
        return start_process([sys.executable, "-c", ""])

    def launch(self) -> "subprocess.Popen[bytes]":
        self.launched += 1
        code = f"import sys; sys.path.insert(0, {str(Path.cwd())!r}); at = {str(self.at.folder)!r}\n"
        return start_process([sys.executable, "-c", code + self.programs.pop(0)])

    def step(self, wait_ms: int = 500) -> int:
        return 0

    def flush(self) -> None:
        """The writer's: nothing waits to be committed."""

    def close(self) -> None:
        """The writer's: there is no group to leave."""

    def come(self, count: int) -> None:
        filled(self.log, [click(self.clicks + number) for number in range(count)], each=count)
        self.clicks += count

    def look(self) -> None:
        if self.trainer._child is not None:
            with suppress(subprocess.TimeoutExpired):
                self.trainer._child.wait(0.1)
        self.now += LOOK_MS
        self.trainer.step(0)

    def until_launched(self, count: int) -> None:
        while self.launched < count:
            self.look()

    def until_done(self) -> RunResult:
        while self.trainer._child is not None or self.at.order() is not None or self.at.done() is None:
            self.look()
        done = self.at.done()
        assert done is not None
        return done


ENDS = """
from pathlib import Path
from trainer.service.workdir import RunResult, Workdir
order = Workdir(Path(at)).order()
Workdir(Path(at)).end(
    RunResult(order=order, at=order.at + 1, version="v1", promoted=True, why="it is better")
)
"""
DIES = "import os; os.abort()"
IS_BUSY = f"sys.exit({BUSY})"
HANGS = "import time; time.sleep(600)"


def test_a_run_is_made_when_it_is_due_and_not_again(tmp_path: Path) -> None:
    world = World(tmp_path, [ENDS, ENDS])
    world.come(9)
    world.look()
    assert world.launched == 0
    world.come(1)
    done = world.until_done()
    assert (done.version, done.order.reason, done.order.clicks) == ("v1", "10 new clicks", 10)
    world.come(9)
    for _ in range(3):
        world.look()
    assert world.launched == 1
    world.come(1)
    world.until_launched(2)
    assert world.until_done().order.clicks == 20


def test_a_request_is_answered_once_its_run_has_ended(tmp_path: Path) -> None:
    world = World(tmp_path, [ENDS], RunSchedule())
    ask(world.log, Request("operator", "now", START))
    world.look()
    assert len(asked(world.log)) == 1
    assert world.until_done().order.reason == "operator: now"
    world.look()
    assert asked(world.log) == {}


def ended_unseen(folder: Path) -> World:
    """A world whose run was asked for and has ended, which its trainer has not seen yet."""
    world = World(folder, [ENDS], RunSchedule())
    ask(world.log, Request("operator", "now", START))
    world.look()
    assert world.trainer._child is not None
    world.trainer._child.wait(60)
    return world


def test_a_request_answered_while_the_trainer_was_down_is_not_made_twice(tmp_path: Path) -> None:
    world = ended_unseen(tmp_path)
    world.trainer = world.new()
    for _ in range(3):
        world.look()
    assert (world.launched, asked(world.log)) == (1, {})


def test_the_end_of_a_run_is_told_once_whichever_trainer_sees_it(tmp_path: Path) -> None:
    world = ended_unseen(tmp_path)
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            world.trainer = world.new()
            world.look()
            world.look()
    assert [line["why"] for line in lines if line["event"] == "run ended"] == ["it is better"]
    assert asked(world.log) == {}


def test_a_folder_is_checked_and_left_as_it_was(tmp_path: Path) -> None:
    Workdir(tmp_path / "work").check()
    assert list((tmp_path / "work").iterdir()) == []
    for unfit in (Path("/proc/nope"), Path(__file__)):
        with pytest.raises(TrainerError, match="PATHCAST_TRAINER_WORKDIR"):
            Workdir(unfit).check()


def test_a_run_that_died_goes_on_and_is_given_up_in_the_end(tmp_path: Path) -> None:
    world = World(tmp_path, [DIES] * (ATTEMPTS - 1) + [ENDS, *[DIES] * ATTEMPTS])
    world.come(10)
    assert world.until_done().version == "v1"
    assert world.launched == ATTEMPTS
    world.come(10)
    world.until_launched(2 * ATTEMPTS)
    done = world.until_done()
    assert (done.version, done.promoted) == (None, False)
    assert done.why.startswith(f"the run died {ATTEMPTS} times")
    world.look()
    assert world.launched == 2 * ATTEMPTS


def test_a_run_of_a_former_trainer_is_waited_for(tmp_path: Path) -> None:
    world = World(tmp_path, [IS_BUSY, ENDS])
    world.come(10)
    done = world.until_done()
    assert (world.launched, done.version, done.order.attempts) == (2, "v1", 0)


def test_drift_is_looked_for_and_asks_for_a_run(tmp_path: Path) -> None:
    world = World(tmp_path, [ENDS], RunSchedule(drift_minutes=1e6))
    world.come(3)
    world.look()
    assert asked(world.log) == {}
    world.now += 10**6 * MINUTE_MS
    assert world.until_done().order.reason == "drift: scores moved"
    world.look()
    assert (world.launched, asked(world.log)) == (1, {})


def test_small_steps_are_taken_between_runs_when_clicks_came(tmp_path: Path) -> None:
    world = World(tmp_path, [], RunSchedule(adapt_minutes=30))
    world.come(3)
    world.look()
    assert world.adapted == 0
    for expected, new in ((1, 0), (1, 2), (2, 0)):
        world.now += 30 * MINUTE_MS
        for _ in range(3):
            world.look()
        assert world.adapted == expected
        world.come(new)
    world.schedule = RunSchedule()
    world.trainer = world.new()
    world.now += DAY
    world.look()
    assert world.adapted == 2


def test_outcomes_are_looked_at_between_runs_and_never_beside_an_update(tmp_path: Path) -> None:
    world = World(tmp_path, [], RunSchedule(adapt_minutes=60, calibration_minutes=60))
    world.come(3)
    world.look()
    assert world.looked == 0
    world.now += 60 * MINUTE_MS
    world.adapting = HANGS
    world.look()
    assert (world.adapted, world.looked) == (1, 0)
    step = world.trainer._child
    assert step is not None
    step.terminate()
    for _ in range(5):
        world.look()
    assert (world.adapted, world.looked) == (1, 1)
    world.schedule = RunSchedule()
    world.trainer = world.new()
    world.now += DAY
    world.look()
    assert world.looked == 1


def test_a_run_and_a_small_step_are_never_made_at_once(tmp_path: Path) -> None:
    world = World(tmp_path, [HANGS], RunSchedule(clicks=10, adapt_minutes=1))
    world.adapting = HANGS
    world.come(3)
    world.now += MINUTE_MS
    world.look()
    world.come(10)
    for _ in range(3):
        world.look()
    assert (world.adapted, world.launched) == (1, 0)
    step = world.trainer._child
    assert step is not None
    step.terminate()
    world.until_launched(1)
    world.now += 10 * MINUTE_MS
    world.look()
    assert (world.adapted, world.launched) == (1, 1)
    world.trainer.close()


def test_a_run_that_reads_who_was_forgotten_begins_again_at_once(tmp_path: Path) -> None:
    world = World(tmp_path, [HANGS, ENDS])
    world.come(10)
    world.until_launched(1)
    world.at.slice.write_bytes(b"theirs")
    world.at.begun.touch()
    world.look()
    assert world.launched == 1
    forget(world.log, ["v0"], int(world.at.begun.stat().st_mtime * 1000) + 1)
    done = world.until_done()
    assert (world.launched, done.version, done.order.attempts) == (2, "v1", 0)


def test_closing_ends_the_run_and_the_next_trainer_takes_it_up(tmp_path: Path) -> None:
    world = World(tmp_path, [HANGS, ENDS])
    world.come(10)
    world.until_launched(1)
    child = world.trainer._child
    assert child is not None
    world.trainer.close()
    assert child.poll() is not None
    order = world.at.order()
    world.trainer = world.new()
    assert order is not None
    assert world.until_done().order == order


def test_the_log_is_tended_now_and_then(tmp_path: Path) -> None:
    world = World(tmp_path, [], RunSchedule())
    world.come(3)
    world.now += 40 * DAY
    world.trainer.step(0)
    assert rows(world.log) == []
    assert TEND_MS < 40 * DAY


def test_monitoring_is_told_of_the_log_whenever_it_is_tended(tmp_path: Path) -> None:
    world, told = World(tmp_path, []), []
    world.trainer.report = lambda: told.append(world.now)
    for _ in range(4):
        world.trainer.step()
        world.now += TEND_MS // 2
    assert told == [START + TEND_MS]


class Making(RunMaker):
    """A run over real clicks, small enough for a test; `judged` are the versions that were judged."""

    @classmethod
    def of(cls, folder: Path, **changes: Any) -> "Making":
        judged: list[str] = []

        def judge(version: Version, events: Path, items: Path | None) -> PromotionVerdict:
            assert events.exists()
            judged.append(version.id)
            return PromotionVerdict(True, "it is the first one")

        recipe = Recipe(folder / "registry", replace(SMALL, epochs=1), 600, 0.0, lambda to: None)
        log = EventLog.at(str(folder / "log"))
        made = cls(log, Workdir(folder / "work"), replace(recipe, **changes), judge, lambda: START)
        object.__setattr__(made, "judged", judged)
        return made


@pytest.fixture
def making(tmp_path: Path) -> Making:
    made = Making.of(tmp_path)
    shipped(made.events, 700)
    made.at.begin(ORDER)
    return made


def metrics(making: Making, version: str) -> str:
    return (making.recipe.registry / version / "metrics.json").read_text()


def test_a_run_reads_the_newest_clicks_and_says_which(making: Making) -> None:
    done = making.make(ORDER)
    assert (done.promoted, done.why) == (True, "it is the first one")
    assert done.version is not None
    assert '"clicks": {\n    "0": [\n     100,\n     700\n    ]' in metrics(making, done.version)
    assert (making.at.order(), making.at.done()) == (None, done)


def test_a_run_whose_log_was_compacted_and_grew_meanwhile_is_the_same(making: Making, tmp_path: Path) -> None:
    calm = making.make(ORDER)
    making.at.begin(replace_id(ORDER))
    making._prepare()
    writer = buffer(making.events)
    writer.add([click(2000, ts=START + DAY)])
    writer.commit(0, START)
    again = making.make(replace_id(ORDER))
    assert again.version == calm.version


def replace_id(order: RunOrder) -> RunOrder:
    return RunOrder(id="2", reason=order.reason, at=order.at, clicks=order.clicks)


def test_a_run_killed_before_it_was_judged_is_only_judged(
    making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> PromotionVerdict:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RunMaker(making.events, making.at, making.recipe, killed, making.now).make(ORDER)
    monkeypatch.setattr("trainer.service.run_maker.train", None)
    done = making.make(ORDER)
    assert done.version is not None
    assert done.promoted


def test_who_is_forgotten_during_a_run_is_not_in_its_version(
    making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer.service import run_maker as module

    visitor = read_log([SHIPPED]).head(700).tail(1).collect()["visitor_id"][0]
    real, slices, now = module.train, [], making.now

    def train(run: Any, *rest: Any) -> Version:
        version = real(run, *rest)
        slices.append(set(pl.read_parquet(run.events[0])["visitor_id"]))
        if len(slices) == 1:
            forget(making.events, [visitor], int(making.at.begun.stat().st_mtime * 1000) + 1)
            versions.append(version)
        return version

    versions: list[Version] = []
    monkeypatch.setattr(module, "train", train)
    done = making.make(ORDER)
    assert [visitor in one for one in slices] == [True, False]
    assert done.version is not None
    assert [path.name for path in making.recipe.registry.iterdir()] == [done.version]
    assert now() == START


def test_a_log_that_is_too_short_ends_the_run_with_a_reason(tmp_path: Path) -> None:
    made = Making.of(tmp_path)
    made.at.begin(ORDER)
    done = made.make(ORDER)
    assert (done.version, done.promoted) == (None, False)
    assert "no click to learn from" in done.why


def test_a_judge_who_fails_leaves_the_version_and_says_why(making: Making) -> None:
    def pinned(*_: object) -> PromotionVerdict:
        raise TrainerError("another one is pinned")

    done = RunMaker(making.events, making.at, making.recipe, pinned, making.now).make(ORDER)
    assert done.version is not None
    assert (done.promoted, done.why) == (False, "another one is pinned")


def begun_from(making: Making, done: RunResult) -> Any:
    """What a run's version says that it began with; None from scratch."""
    assert done.version is not None, done.why
    return json.loads(metrics(making, done.version)).get("started from")


def test_a_run_begins_with_what_serves_and_keeps_to_it_when_it_is_killed(
    making: Making, tmp_path: Path
) -> None:
    first = making.make(ORDER).version
    warm = Making.of(tmp_path, start=lambda: first)
    warm.at.begin(replace_id(ORDER))
    warm._prepare()
    later = Making.of(tmp_path, start=lambda: "promoted meanwhile")
    done = later.make(replace_id(ORDER))
    assert begun_from(later, done)["version"] == first
    assert begun_from(later, done)["known items"] > 0
    assert done.version != first
    assert not later.at.start.exists()


@pytest.mark.parametrize("unfit", ["another form", "not there"])
def test_a_run_begins_from_scratch_where_what_serves_does_not_fit(
    making: Making, tmp_path: Path, unfit: str
) -> None:
    first = making.make(ORDER).version if unfit == "another form" else "20260101T000000-000000000000"
    options = replace(making.recipe.options, hidden=making.recipe.options.hidden * 2)
    other = Making.of(tmp_path, start=lambda: first, options=options)
    other.at.begin(replace_id(ORDER))
    with structlog.testing.capture_logs() as lines:
        done = other.make(replace_id(ORDER))
    assert begun_from(other, done) is None
    [reason] = [line["reason"] for line in lines if line["event"] == "run begins from scratch"]
    assert ("hidden=" in reason) == (unfit == "another form")


def test_a_damaged_checkpoint_does_not_stop_the_trainer(making: Making) -> None:
    making.at.checkpoint.mkdir()
    (making.at.checkpoint / "checkpoint.json").write_text("{")
    assert making.make(ORDER).version is not None
