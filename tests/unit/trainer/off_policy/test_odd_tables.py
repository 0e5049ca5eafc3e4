"""Tables of decisions that are odd but common, and those that would mislead in silence."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from models.policies.context_columns import Column, encode_table
from models.policies.learned_policy import load
from trainer.off_policy.cross_fitting import cross_fitted
from trainer.off_policy.decision_log import HowRead, read_decisions
from trainer.policies.train_policy import train
from trainer.policy_reports.registry_policies import RegisteredPolicy
from trainer.tables.log_error import LogError

_COUNT = 60
_ROWS: dict[str, list[Any]] = {
    "action": ["a", "b", "none"] * 20,
    "propensity": [1 / 3] * _COUNT,
    "reward": [1.0, 0.0, 0.0] * 20,
    "age": [float(age) for age in range(_COUNT)],
}


def _table(folder: Path, **changed: list[Any]) -> Path:
    path = folder / "log.parquet"
    pl.DataFrame({**_ROWS, **changed}, strict=False).write_parquet(path)
    return path


@pytest.mark.parametrize("kind", ["softmax", "uplift", "ucb", "thompson"])
def test_a_log_without_context_is_learned_from_and_evaluated(tmp_path: Path, kind: str) -> None:
    log = read_decisions([_table(tmp_path)], HowRead({}, context=[])).decisions
    assert log.encoded.values.shape == (_COUNT, 0)
    policy = RegisteredPolicy("it", load(train(log, kind)))
    chances = policy.probabilities(log)
    assert chances.shape == (_COUNT, 3)
    assert np.allclose(chances.sum(axis=1), 1)
    assert (chances[:, 0] > chances[:, 1]).all()
    assert cross_fitted(log).expected[0, 0] > 0.5


@pytest.mark.parametrize("names", [["a", None, "b", "none"], ["a", "", "b", " none "]])
def test_names_that_are_missing_are_no_actions(tmp_path: Path, names: list[str | None]) -> None:
    log = read_decisions([_table(tmp_path, allowed=[names] * _COUNT)], HowRead({})).decisions
    assert log.actions == ("a", "b", "none")
    assert log.mask.all()


def test_a_list_that_ends_with_a_bar_has_no_nameless_action(tmp_path: Path) -> None:
    log = read_decisions([_table(tmp_path, allowed=["a|b|none|"] * _COUNT)], HowRead({})).decisions
    assert log.actions == ("a", "b", "none")


@pytest.mark.parametrize("header", ["reward,reward", "reward,Reward", "reward,propensity", "reward,action"])
def test_a_second_column_of_a_field_is_no_context(tmp_path: Path, header: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"action,propensity,{header},age\na,0.5,1,1,3\n")
    with pytest.raises(LogError, match="cannot know it when it decides"):
        read_decisions([path], HowRead({}))
    assert read_decisions([path], HowRead({}, context=["age"])).decisions.context.columns == ["age"]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("reward", 1e300, "reward is '1e.*300'; expected a number, at most 1e.30 in size"),
        ("propensity", 1e-300, "propensity is '1e-300'; expected a number of at least 1e-30"),
        ("age", 1e300, "'age' holds 1e.300; expected numbers of at most 1e.30 in size"),
    ],
)
def test_numbers_whose_squares_overflow_are_named(
    tmp_path: Path, column: str, value: float, said: str
) -> None:
    values = [*_ROWS[column][:-1], value]
    with pytest.raises(LogError, match=said):
        read_decisions([_table(tmp_path, **{column: values})], HowRead({}))


def test_words_are_known_again_where_a_table_has_them_as_numbers() -> None:
    columns = [Column("position", words=("1", "2"))]
    assert encode_table(columns, {"position": [1.0, 2, "2", 3.0, None]})[:, 0].tolist() == [0, 1, 1, 2, 2]


def test_an_unknown_word_is_not_the_word_none() -> None:
    assert encode_table([Column("word", words=("None",))], {"word": [None, "None"]})[:, 0].tolist() == [1, 0]
