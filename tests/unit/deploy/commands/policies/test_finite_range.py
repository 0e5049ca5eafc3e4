"""Numbers within a range as options: NaN lies in none."""

import click
import pytest
from click.testing import CliRunner

from deploy.commands.policies.evaluate_policy_command import evaluate
from deploy.commands.policies.finite_range import FiniteRange
from deploy.commands.policies.pacer_command import command as pacer


def test_numbers_of_the_range_are_taken_as_they_are() -> None:
    assert FiniteRange(0, 1).convert("0.25", None, None) == 0.25


@pytest.mark.parametrize("said", ["nan", "NaN", "-nan", "1.5"])
def test_nan_lies_in_no_range(said: str) -> None:
    with pytest.raises(click.BadParameter, match="in the range"):
        FiniteRange(0, 1).convert(said, None, None)


@pytest.mark.parametrize(
    ("command", "given"),
    [(pacer, ["run", "--every", "nan"]), (evaluate, ["--level", "nan"]), (evaluate, ["--gamma", "nan"])],
)
def test_commands_of_policies_refuse_it(command: click.Command, given: list[str]) -> None:
    result = CliRunner().invoke(command, given)
    assert result.exit_code == 2
    assert "nan is no number" in result.output
