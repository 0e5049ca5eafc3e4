"""Values by intent state: learned from logged decisions, drawn to 0 where they are uncertain."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from deploy.cli import main
from models.contract.head_table import STATES
from models.decisions.actions import ActionSet
from models.decisions.policy_kinds import policy_of
from trainer.ab_tests.intent_values import LoggedGuidance, intent_values, with_values

TEXT = (Path(__file__).parents[4] / "docs/examples/guidance.toml").read_text()
ACTIONS = ActionSet.load(TEXT)
HESITATING, READY = STATES.index("hesitating"), STATES.index("ready_to_buy")


def world(count: int, seed: int = 1) -> tuple[LoggedGuidance, np.ndarray]:
    """Coupons bring 8 to those who hesitate; not allowed in half of the sessions, which are poor ones."""
    random = np.random.default_rng(seed)
    shares = np.array([0.4, 0.3, 0.1, 0.1, 0.1])
    state = random.choice([HESITATING, READY], count)
    allowed = np.ones((count, 5), dtype=bool)
    poor = random.random(count) < 0.5
    allowed[poor, 1] = False
    chances = allowed * shares
    chances /= chances.sum(1, keepdims=True)
    action = (random.random(count)[:, None] >= np.cumsum(chances, 1)).sum(1)
    reward = 10.0 - 9.0 * poor + random.normal(size=count)
    reward += (action == 1) * (np.where(state == HESITATING, 8.0, 0.0) - 3.0)
    propensity = chances[np.arange(count), action]
    return LoggedGuidance(action, state, propensity, reward, allowed), poor


def test_values_are_found_where_actions_could_be_taken() -> None:
    found = intent_values(world(20_000)[0], ACTIONS)
    assert found["coupon"]["hesitating"] == pytest.approx(8, abs=0.2)
    assert found["coupon"]["ready_to_buy"] == pytest.approx(0, abs=0.2)
    assert abs(found["compare_nudge"]["hesitating"]) < 0.6
    assert "exploring" not in found["coupon"]


def test_what_is_uncertain_is_drawn_to_nothing() -> None:
    """Without any effect, few decisions must not give large values."""
    log, _ = world(1_500)
    noise = np.random.default_rng(3).normal(scale=5.0, size=1_500)
    found = intent_values(log._replace(reward=noise), ACTIONS)
    assert max(abs(value - 3.0) for value in found["coupon"].values()) < 0.5


def test_a_state_of_which_little_is_known_takes_nothing_from_the_others() -> None:
    """Its effects are large by chance, and so is their noise: precise effects say how large effects are."""
    log, _ = world(20_000)
    few, random = 400, np.random.default_rng(4)
    action = random.integers(0, 5, few)
    rare = LoggedGuidance(
        action,
        np.full(few, STATES.index("comparing")),
        np.full(few, 0.2),
        random.normal(scale=300.0, size=few),
        np.ones((few, 5), dtype=bool),
    )
    both = LoggedGuidance(*(np.concatenate(pair) for pair in zip(log, rare, strict=True)))
    found = intent_values(both, ACTIONS)
    assert found["coupon"]["hesitating"] == pytest.approx(8, abs=0.3)
    assert max(abs(found[name]["comparing"]) for name in found if "nudge" in name) < 1


def test_values_are_written_into_the_file() -> None:
    text = with_values(TEXT, {"coupon": {"hesitating": 5.25}, "checkout_nudge": {}})
    read = {one.name: one for one in ActionSet.load(text).actions}
    assert read["coupon"].intent_values == {"hesitating": 5.25}
    assert read["checkout_nudge"].intent_values is None
    assert read["coupon"].cost == 3.0
    assert policy_of(ActionSet.load(text)).name == "guidance-hybrid"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    log, _ = world(3_000)
    file = tmp_path / "log.parquet"
    pl.DataFrame(
        {
            "action": [ACTIONS.names[place] for place in log.action],
            "propensity": log.propensity,
            "gain": log.reward,
            "intent": [STATES[place] for place in log.state],
        }
    ).write_parquet(file)
    return file


def test_the_command_learns_from_any_table(table: Path, tmp_path: Path) -> None:
    actions, out = tmp_path / "actions.toml", tmp_path / "learned.toml"
    actions.write_text(TEXT)
    given = ["experiment", "values", "--log", str(table), "--actions", str(actions), "--map", "reward=gain"]
    done = CliRunner().invoke(main, [*given, "--output", str(out)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    read = {one.name: one for one in ActionSet.load(out.read_text()).actions}
    assert (read["coupon"].intent_values or {})["hesitating"] > 6


def test_logs_without_states_are_refused(table: Path, tmp_path: Path) -> None:
    actions = tmp_path / "actions.toml"
    actions.write_text(TEXT)
    given = ["experiment", "values", "--log", str(table), "--actions", str(actions), "--map", "reward=gain"]
    done = CliRunner().invoke(main, [*given, "--state", "mood"])
    assert done.exit_code == 1
    assert "expected a column 'mood' with intent states" in done.output
