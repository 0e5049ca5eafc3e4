"""The gate's rules, case by case."""

import numpy as np
import pytest

from trainer.baselines.baseline_kinds import Baseline
from trainer.baselines.intent import INTENT
from trainer.gate.gate_figures import Difference
from trainer.gate.gate_settings import GateSettings
from trainer.gate.verdict import Rival, decide, floors, too_little

SETTINGS = GateSettings()
GOOD = {"ece": 0.01, "coverage": 0.3, "microseconds": 50.0, "megabytes": 6.0}
INCUMBENT = GOOD | {"average_precision": 0.2, "recall_20": 0.5}
NOISE = Difference(0.0, -0.01, 0.01)
BETTER = Difference(0.03, 0.01, 0.05)
WORSE = Difference(-0.03, -0.05, -0.01)
VAGUE = Difference(0.0, -0.1, 0.1)


def verdict(precision=NOISE, recall=NOISE, figures=GOOD, field=None, fresher=True, first=False):
    rival = Rival("old", {"average_precision": precision, "recall_20": recall}, INCUMBENT)
    held = floors(figures, None if first else INCUMBENT, SETTINGS)
    return decide(held, field or {}, None if first else rival, fresher, SETTINGS)


def test_better_beyond_noise_passes() -> None:
    passed, reason = verdict(precision=BETTER, fresher=False)
    assert passed
    told = "average precision of purchase intent (+0.0300, 95% from +0.0100 to +0.0500)"
    assert reason == f"it is better than old in {told}"
    assert verdict(recall=BETTER).passed


def test_equal_passes_only_if_it_is_fresher() -> None:
    assert verdict() == (True, "it is equal to old within noise, and has seen newer sessions")
    assert verdict(fresher=False) == (False, "it is equal to old within noise, and has seen nothing newer")


@pytest.mark.parametrize("figures", [{"precision": WORSE}, {"recall": WORSE}])
def test_worse_in_one_figure_is_refused_however_good_the_other(figures) -> None:
    other = {"precision": BETTER, "recall": BETTER} | figures
    found = verdict(**other)
    assert not found.passed
    assert found.reason.startswith("it is worse than old in ")


def test_noise_that_could_hide_a_loss_is_not_equality() -> None:
    found = verdict(precision=VAGUE)
    assert found.reason.startswith("it may be worse than old by more than the margin in average precision")
    assert verdict(precision=VAGUE, recall=BETTER).passed
    assert verdict(recall=Difference(0.0, -0.09, 0.1)).passed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ece": 0.06}, "its calibration error is 0.06, above 0.05"),
        ({"coverage": 0.001}, "its coverage of the items is 0.001, below 0.01"),
        ({"microseconds": 2900.0}, "its time per click (µs) is 2900, above 2000"),
        ({"megabytes": 600.0}, "its size (MB) is 600, above 500"),
    ],
)
def test_floors(change, reason) -> None:
    assert verdict(precision=BETTER, figures=GOOD | change) == (False, reason)


def test_a_floor_that_the_incumbent_misses_gives_way() -> None:
    poor = {"ece": 0.08, "coverage": 0.005, "microseconds": 2900.0, "megabytes": 600.0}
    assert all(floor.kept for floor in floors(poor, poor, SETTINGS))
    assert not any(floor.kept for floor in floors(poor, GOOD, SETTINGS))
    assert not any(floor.kept for floor in floors(poor, None, SETTINGS))


def test_a_busy_machine_decides_nothing_where_both_are_slow() -> None:
    slow = GOOD | {"microseconds": 2500.0}
    kept = {
        time: all(floor.kept for floor in floors(GOOD | {"microseconds": time}, slow, SETTINGS))
        for time in (2501.0, 2999.0, 3001.0)
    }
    assert kept == {2501.0: True, 2999.0: True, 3001.0: False}
    assert not all(floor.kept for floor in floors(GOOD | {"microseconds": 2001.0}, GOOD, SETTINGS))


def test_the_field() -> None:
    behind = {"session_knn": {"recall_20": WORSE}}
    refused = verdict(field=behind)
    assert refused.reason.startswith("it is behind session_knn in recall of the next item among 20")
    assert verdict(field=behind, precision=BETTER).passed
    assert not verdict(field=behind, first=True).passed
    assert verdict(field={"lightgbm": {"average_precision": WORSE}}).passed
    assert not verdict(field={"base_rate": {"average_precision": WORSE}}).passed


def test_the_first_one() -> None:
    assert verdict(first=True).passed


def test_what_is_too_little() -> None:
    assert too_little(199, 50, True, SETTINGS) == "only 199 visitors began sessions since then, expected 200"
    assert too_little(200, 19, True, SETTINGS) == "only 19 visitors bought since then, expected 20"
    assert too_little(200, 0, False, SETTINGS) == ""
    assert too_little(200, 20, True, SETTINGS) == ""


def test_a_new_baseline_says_itself_whether_it_blocks() -> None:
    with pytest.raises(TypeError, match="blocks"):
        Baseline(lambda train, valid: {}, lambda state, examples: np.zeros(0, np.float32))


@pytest.mark.parametrize("name", INTENT)
def test_only_a_baseline_declared_to_block_blocks(name: str) -> None:
    assert verdict(field={name: {"average_precision": WORSE}}).passed is not INTENT[name].blocks
    assert INTENT[name].blocks is (name == "base_rate")
