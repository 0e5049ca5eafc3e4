"""A policy run makes the same version however often it is killed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.errors import PathcastError
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.policy_runs.policy_run_maker import PolicyJudgement, PolicyRecipe, PolicyRunMaker, parts
from trainer.policy_runs.policy_schedule import POSTERIOR, RUN
from trainer.policy_runs.policy_workdir import PolicyOrder, PolicyWorkdir

ORDER = PolicyOrder(sort=RUN, reason="new rewards", at=5, rewards=100)


class Killed(BaseException):
    """The process dies here."""


class Shop:
    """A recipe whose log changes with every reading, and which may be killed at a step."""

    def __init__(self, kill_at: str = "") -> None:
        self.kill_at, self.readings = kill_at, 0
        self.erased = 0
        self.trained: list[float] = []

    def recipe(self) -> PolicyRecipe:
        return PolicyRecipe(self.write, self.read, 0.4, self.train, self.judge, lambda: self.erased)

    def _reach(self, step: str) -> None:
        if self.kill_at == step:
            self.kill_at = ""
            raise Killed

    def write(self, to: Path) -> None:
        self._reach("before writing")
        self.readings += 1
        rewards = np.random.default_rng(self.readings).normal(size=50)
        pl.DataFrame({"reward": rewards}).write_parquet(to)
        self._reach("after writing")

    def read(self, path: Path) -> LoggedDecisions:
        reward = pl.read_parquet(path)["reward"].to_numpy()
        visitor = np.arange(50) // 2
        return LoggedDecisions(
            ("none", "ad"),
            visitor % 2,
            np.full(50, 0.5),
            reward,
            pl.DataFrame({"x": reward}),
            visitor=visitor,
        )

    def train(self, order: PolicyOrder, logged: LoggedDecisions) -> str:
        self._reach("before training")
        self.trained.append(float(logged.reward.sum()))
        name = f"{order.at}-{self.trained[-1]:.6f}-{len(logged)}"
        self._reach("after training")
        return name

    def judge(self, order: PolicyOrder, version: str, logged: LoggedDecisions) -> PolicyJudgement:
        self._reach("before judging")
        return PolicyJudgement(True, f"{version} on {logged.reward.sum():.6f}")


STEPS = ("before writing", "after writing", "before training", "after training", "before judging")


def _made(shop: Shop, folder: Path, order: PolicyOrder = ORDER) -> tuple[str | None, str]:
    maker = PolicyRunMaker(PolicyWorkdir(folder), shop.recipe(), lambda: 7)
    maker.at.begin(order)
    try:
        done = maker.make(order)
    except Killed:
        done = maker.make(order)
    assert maker.at.order() is None
    assert not maker.at.decisions.exists()
    return done.version, done.why


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_run_makes_the_same_version(tmp_path: Path, step: str) -> None:
    undisturbed = _made(Shop(), tmp_path / "undisturbed")
    assert _made(Shop(step), tmp_path / "killed") == undisturbed


def test_what_is_judged_on_was_not_learned_from(tmp_path: Path) -> None:
    shop = Shop()
    shop.readings = 1
    shop.write(tmp_path / "log")
    learned, judged = parts(shop.read(tmp_path / "log"), 0.4)
    assert learned.visitor is not None
    assert judged.visitor is not None
    assert not set(learned.visitor) & set(judged.visitor)
    assert len(learned) + len(judged) == 50
    assert 5 < len(judged) < 35


def test_a_posterior_learns_from_all_decisions(tmp_path: Path) -> None:
    version, _ = _made(Shop(), tmp_path, _order(POSTERIOR))
    assert version is not None
    assert version.endswith("-50")


def _order(sort: str) -> PolicyOrder:
    return PolicyOrder(sort=sort, reason="", at=5, rewards=100)


def test_a_visitor_who_is_erased_during_a_run_is_not_learned_from(tmp_path: Path) -> None:
    shop = Shop()

    def train(order: PolicyOrder, logged: LoggedDecisions) -> str:
        shop.erased = 2**62 if shop.readings == 1 else 0
        return shop.train(order, logged)

    def write(to: Path) -> None:
        shop.write(to)
        shop.erased = 0

    recipe = replace(shop.recipe(), train=train, write=write)
    PolicyRunMaker(PolicyWorkdir(tmp_path), recipe, lambda: 7).make(ORDER)
    assert shop.readings == 2
    assert len(set(shop.trained)) == 2


def test_a_known_failure_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    def fail(_: Path) -> None:
        raise PathcastError("no decision has a reward yet")

    maker = PolicyRunMaker(PolicyWorkdir(tmp_path), replace(Shop().recipe(), write=fail), lambda: 7)
    done = maker.make(ORDER)
    assert (done.version, done.promoted, done.why) == (None, False, "no decision has a reward yet")
    assert maker.at.done(RUN) == done
