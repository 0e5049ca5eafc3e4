"""`pathcast experiment start --dry-run`: a definition is checked whole; what is wrong is said in words."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.cli import main
from deploy.cluster.actions_text import actions_text
from deploy.runs.experiment_versions import finder
from models.decisions.actions import ActionSet
from models.experiments.definition_file import read_definition
from models.policies.context_columns import Column
from streams.config.worker_settings import WorkerSettings
from tests import tiny_policies

GUIDANCE = (Path(__file__).parents[5] / "docs/examples/guidance.toml").read_text()
FILE = """
name = "ways"
placement = "shop"
hold_out = 0.2
[[arms]]
name = "rules"
weight = 0.4
actions = "guidance.toml"
policy = "guidance-rules"
[[arms]]
name = "shipped"
weight = 0.4
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PATHCAST_ACTIONS", raising=False)
    (tmp_path / "guidance.toml").write_text(GUIDANCE.replace('placement = "guidance"', 'placement = "shop"'))
    return tmp_path


def checked(folder: Path, text: str):
    file = folder / "trial.toml"
    file.write_text(text)
    return CliRunner().invoke(main, ["experiment", "start", str(file), "--dry-run"])


def test_a_right_definition_could_start(folder: Path) -> None:
    done = checked(folder, FILE)
    assert done.exit_code == 0, done.output
    assert "ways at placement shop could start: rules 0.4, shipped 0.4, hold-out 0.2" in done.output


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("hold_out = 0.2", "hold_out = 0.3", "together 1.1; expected a sum of 1"),
        ('"guidance-rules"', '"magic"', "found 'magic'; expected one of rules, guidance-rules"),
        ('"guidance.toml"', '"gone.toml"', "gone.toml cannot be read"),
        ('placement = "shop"', 'placement = "home"', "expected one that workers decide for: shop"),
        ('name = "shipped"', 'name = "rules"', "arms named twice: rules"),
        ("weight = 0.4", "wait = 0.4", "unknown field `wait`"),
        ("[[arms]]", "[[arms", "not TOML"),
    ],
)
def test_a_wrong_one_is_refused_in_words(folder: Path, old: str, new: str, said: str) -> None:
    done = checked(folder, FILE.replace(old, new))
    assert done.exit_code == 1
    assert said in " ".join(done.output.split())
    assert "Traceback" not in done.output


@pytest.fixture
def registry(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATHCAST_REGISTRY", str(folder / "registry"))
    return folder / "registry"


def own() -> ActionSet:
    return ActionSet.load(actions_text(WorkerSettings()))


def learned(policy: str) -> str:
    return FILE.replace('name = "shipped"', f'name = "learned"\npolicy = "{policy}"')


def test_an_arm_names_a_version_of_the_registry(folder: Path, registry: Path) -> None:
    version = tiny_policies.policy(registry, own())
    done = checked(folder, learned(version.id))
    assert done.exit_code == 0, done.output
    arm = read_definition(
        learned(version.id),
        1,
        actions_text(WorkerSettings()),
        lambda _: GUIDANCE_HERE,
        finder(False, str(registry)),
    ).arms[1]
    assert arm.announced.path == str(version.path.resolve())
    assert len(arm.sha256) == 64


GUIDANCE_HERE = GUIDANCE.replace('placement = "guidance"', 'placement = "shop"')
GONE = "20260101T000000-0123456789ab"


def test_a_version_that_is_not_there_is_refused_with_those_that_are(folder: Path, registry: Path) -> None:
    version = tiny_policies.policy(registry, own())
    tiny_policies.policy(registry, own(), placement="home")
    done = checked(folder, learned(GONE))
    said = " ".join(done.output.split())
    assert done.exit_code == 1
    assert f"experiment ways, arm learned: the version {GONE} cannot decide" in said
    assert f"its newest ones are {version.id}: name one of them" in said
    assert "Traceback" not in done.output


def test_a_version_that_does_not_fit_the_arms_actions_is_refused(folder: Path, registry: Path) -> None:
    columns = (Column("weather"),)
    version = tiny_policies.policy(registry, own(), columns=columns)
    done = checked(folder, learned(version.id))
    assert done.exit_code == 1
    assert "decides from ['weather']" in " ".join(done.output.split())


def test_a_version_is_copied_to_where_workers_find_it(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATHCAST_REGISTRY_PUBLISH", f"file://{tmp_path}/published")
    version = tiny_policies.policy(registry, own())
    for publish in (False, True):
        update = finder(publish, str(registry))(version.id, own())
        there = tmp_path / "published" / "policies" / "shop" / version.id
        assert there.exists() == publish
        assert update.path == f"file://{there}"
