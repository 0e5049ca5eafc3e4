"""The served trees: bags that differ, as many after a refit, from drawn clicks on a long log."""

import numpy as np
import pytest

from models.scoring.forest import Forest
from tests.scoring import SHIPPED
from trainer.baselines import bagged_trees
from trainer.examples.examples import Examples
from trainer.examples.session_weights import session_weights
from trainer.examples.split import split
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log


@pytest.fixture(scope="module")
def parts() -> list[Examples]:
    return [
        part.grouped() for part in split(replay_log(read_log([SHIPPED]).head(6_000)).examples(), (0.8, 0.2))
    ]


def trees(text: str) -> str:
    """A model's text without the settings it was learned with."""
    return text.partition("end of trees")[0]


def test_sessions_weigh_alike() -> None:
    session = np.array([0, 0, 0, 0, 1, 2, 2])
    whole = session_weights(session, 1.0)
    assert np.bincount(session, whole) == pytest.approx([7 / 3] * 3)
    half = session_weights(session, 0.5)
    assert half.mean() == pytest.approx(1)
    assert half[4] / half[0] == pytest.approx(2)
    assert session_weights(session, 0.0).tolist() == [1] * 7
    assert not len(session_weights(session[:0], 0.5))


def test_bags_differ_and_a_refit_keeps_their_rounds(parts: list[Examples]) -> None:
    state = bagged_trees.learn(*parts, 0.5)
    assert len(set(state["trees"])) == bagged_trees.BAGS
    assert {text.count("\nTree=") for text in state["trees"]} == {state["rounds"]}
    again = bagged_trees.refit(state, parts[0])
    assert again["rounds"] == state["rounds"]
    assert [*map(trees, again["trees"])] == [*map(trees, state["trees"])]
    assert bagged_trees.refit(state, parts[1])["trees"] != state["trees"]


def test_a_long_log_is_drawn_from(parts: list[Examples], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bagged_trees, "MOST", 100)
    monkeypatch.setattr(bagged_trees, "ROUNDS", 20)
    state = bagged_trees.learn(*parts, 1.0)
    said = Forest(state | {"weights": [0.0, 1.0]}).of(parts[1].batch())
    bought = parts[1].buys
    assert said[bought].mean() > said[~bought].mean()
