"""`pathcast experiment start --dry-run`: a definition is checked whole; what is wrong is said in words."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.cli import main

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
