"""`pathcast policy train` on tables: a version that loads, and errors that say what to do."""

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from deploy.commands.policies.train_policy_command import KINDS, train
from models.errors import PathcastError
from models.policies.learned_policy import for_names
from models.registry import policy_versions
from tests.unit.trainer.policies.logs import ACTIONS, bandit
from trainer.policies import train_policy


def table(folder: Path, name: str = "log.csv") -> Path:
    """A log of 600 decisions as a table."""
    log, _ = bandit(600)
    frame = log.context.with_columns(
        pl.Series("arm", [ACTIONS[one] for one in log.action.tolist()]),
        pl.Series("propensity", log.propensity),
        pl.Series("reward", log.reward),
    )
    path = folder / name
    frame.write_parquet(path) if path.suffix == ".parquet" else frame.write_csv(path)
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(train, list(map(str, arguments)))


def test_the_kinds_are_those_that_can_be_trained() -> None:
    assert set(KINDS) == set(train_policy.KINDS)


@pytest.mark.parametrize("name", ["log.csv", "log.parquet"])
def test_a_version_is_made_from_a_table_and_loads(tmp_path: Path, name: str) -> None:
    registry = tmp_path / "registry"
    common = ("--map", "action=arm", "--kind", "softmax", "--registry", registry)
    result = run("--log", table(tmp_path, name), *common, "--context", "age,device", "--seed", "3")
    assert result.exit_code == 0, result.output
    version = result.stdout.strip()
    found = policy_versions.load(registry / "policies" / "table" / version)
    policy = for_names(found.content, ACTIONS, found.id)
    assert [column.name for column in policy.columns] == ["age", "device"]
    chances = policy.probabilities(policy.encode({"age": [-1.0], "device": ["phone"]}), [[True] * 4])
    assert chances.sum() == pytest.approx(1)
    assert chances[0, 3] > chances[0, 2]


def test_features_of_actions_and_the_placement_come_from_an_actions_file(tmp_path: Path) -> None:
    actions = tmp_path / "actions.toml"
    entries = "".join(f'[[actions]]\nname = "{name}"\nkind = "coupon"\ncost = 5\n' for name in ACTIONS[1:])
    actions.write_text(
        f'placement = "home"\nepsilon = 0.1\n[[actions]]\nname = "none"\nkind = "none"\n{entries}'
    )
    common = ("--map", "action=arm", "--kind", "uplift", "--registry", tmp_path / "registry")
    result = run("--log", table(tmp_path), *common, "--actions", actions, "--set", "margin=0.05")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "registry" / "policies" / "home" / result.stdout.strip()
    description = policy_versions.load(folder).content.description
    assert {one.kind for one in description.actions} == {"none", "coupon"}
    assert description.heads[0].settings["margin"] == 0.05


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--set", "gamma"), "expected NAME=VALUE"),
        (("--kind", "oracle"), "is not one of"),
    ],
)
def test_wrong_options_are_usage_errors(tmp_path: Path, more: tuple[str, ...], said: str) -> None:
    common = ("--map", "action=arm", "--kind", "softmax", "--registry", tmp_path / "registry")
    result = run("--log", table(tmp_path), *common, *more)
    assert result.exit_code == 2
    assert said in result.output


def test_what_cannot_be_trained_is_said_in_one_line(tmp_path: Path) -> None:
    common = ("--map", "action=arm", "--registry", tmp_path / "registry", "--log", table(tmp_path))
    for more, said in (
        (("--kind", "softmax", "--set", "gamma=7"), "from 0 to 1"),
        (("--kind", "rules"), "no columns"),
    ):
        result = run(*common, *more)
        assert isinstance(result.exception, PathcastError)
        assert said in str(result.exception)
        assert not (tmp_path / "registry").exists()
    result = run(*common, "--kind", "dqn", "--device", "no-such-device")
    assert result.exit_code == 1
    assert "see --device" in result.output


def test_rows_that_cannot_be_used_end_it_or_are_left_out_and_counted(tmp_path: Path) -> None:
    path = table(tmp_path)
    with path.open("a") as lines:
        lines.write("1,phone,0,small,0.0,1.0\n")
    common = ("--map", "action=arm", "--kind", "softmax", "--registry", tmp_path / "registry", "--log", path)
    result = run(*common)
    assert "--skip-refused" in str(result.exception)
    result = run(*common, "--skip-refused")
    assert result.exit_code == 0, result.output
    assert "1 of 601 rows are left out by propensity" in result.stderr
