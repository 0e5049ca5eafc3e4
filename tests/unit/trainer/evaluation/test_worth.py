"""Which answers are worth publishing: what is better than chance, and no worse than what is simpler."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deploy.commands.learning.train_command import command
from models.contract.head_table import BY_NAME, Layout
from models.registry import registry
from tests.training import SMALL
from trainer.evaluation import worth, worth_text
from trainer.evaluation.leads import GROUPS, lead
from trainer.training.log_parts import Run
from trainer.training.train import train

RNG = np.random.default_rng(3)
COUNT = 4_000
GROUP = np.arange(COUNT) // 5 % GROUPS
SHOP = Path(__file__).resolve().parents[4] / "docs" / "examples" / "tea_shop.csv.gz"
PART = Layout.of([("search_next", ())]).parts[0]


def noisy(label: np.ndarray, weight: float) -> np.ndarray:
    """A score that knows as much of a label as its weight says."""
    return (weight * label + RNG.normal(size=len(label))).astype(np.float32)


def verdict(told: np.ndarray, line: np.ndarray, label: np.ndarray) -> dict:
    others = {"base_rate": np.full(len(label), 0.1), "logistic_regression": line}
    return worth.head(PART, label, told[:, None], others, GROUP[: len(label)])


@pytest.fixture
def label() -> np.ndarray:
    return (RNG.random(COUNT) < 0.1).astype(np.float32)


def test_what_is_better_than_chance_and_than_the_baseline_is_published(label: np.ndarray) -> None:
    made = verdict(noisy(label, 2), noisy(label, 1), label)
    assert made["published"]
    assert made["chance"] == pytest.approx(label.mean(), abs=1e-3)
    assert made["by"] == "logistic_regression"
    assert made["ahead of baseline"]["low"] > 0


def test_chance_stays_silent(label: np.ndarray) -> None:
    made = verdict(noisy(label, 0), noisy(label, 0), label)
    assert (made["published"], made["reason"]) == (False, "it is not significantly better than chance")


def test_what_loses_to_logistic_regression_stays_silent(label: np.ndarray) -> None:
    made = verdict(noisy(label, 0.7), noisy(label, 3), label)
    assert (made["published"], made["reason"]) == (False, "it is worse than logistic regression")
    said = worth_text._why(made)
    assert "logistic regression has" in said
    assert "95%" in said


def test_what_ties_with_a_baseline_is_published(label: np.ndarray) -> None:
    line = noisy(label, 2)
    assert verdict(line, line, label)["published"]


def test_of_a_few_clicks_nothing_is_said(label: np.ndarray) -> None:
    few = np.zeros(COUNT, dtype=np.float32)
    few[:3] = 1
    made = verdict(noisy(few, 9), noisy(few, 0), few)
    assert not made["published"]
    assert "3 of them positive" in made["reason"]
    nothing = np.zeros(0, dtype=np.float32)
    assert "ends too soon" in verdict(nothing, nothing, nothing)["reason"]


def test_the_interval_is_wider_where_a_visitors_clicks_are_alike(label: np.ndarray) -> None:
    def metric(said: np.ndarray, label: np.ndarray) -> float:
        return float((said * label).mean())

    alike = np.repeat(RNG.normal(size=COUNT // 5), 5)
    loose, flat = RNG.permutation(alike), np.zeros(COUNT)
    ones = np.ones(COUNT)
    wide, narrow = (lead(metric, said, flat, ones, GROUP) for said in (alike, loose))
    assert wide.high - wide.low > 1.3 * (narrow.high - narrow.low)
    assert wide.low < wide.by < wide.high


def test_the_words_say_who_wins() -> None:
    def found(by: float, width: float) -> dict:
        apart = {"by": by, "low": by - width, "high": by + width}
        figures = {"value": 0.3, "chance": 0.1, worth.LOGISTIC: 0.3 - by}
        return {worth.INTENT: {"average_precision": figures | {
            "ahead of chance": {"by": 0.2, "low": 0.1, "high": 0.3}, f"ahead of {worth.LOGISTIC}": apart
        }}}  # fmt: skip

    assert worth_text.sentences(found(0.1, 0.05))[0].startswith("Purchase intent is worth using")
    assert worth_text.sentences(found(-0.1, 0.05))[0].startswith(
        "Purchase intent is worse than logistic regression"
    )
    assert "not significantly different" in worth_text.sentences(found(0.01, 0.05))[0]
    assert worth_text.sentences({}) == []
    assert "too few" in worth_text.sentences({worth.INTENT: {}})[0]


def test_more_time_is_advised_only_where_the_last_epoch_was_the_best() -> None:
    assert "the last of 4 epochs was the best" in worth_text.advice({}, 9, 4, 4)[0]
    assert "would not help" in worth_text.advice({}, 9, 4, 2)[0]


@pytest.mark.parametrize("publish", ["worthy", "all"])
def test_a_small_shops_version_keeps_what_it_publishes_and_why(tmp_path: Path, publish: str) -> None:
    columns = {"ts": "when", "visitor_id": "who", "event": "what", "item_id": "product", "category": "kind"}
    options = replace(SMALL, epochs=1, refit=False, publish_heads=publish)
    version = train(Run([SHOP], tmp_path, mapping=columns, options=options), 1, lambda _: None)
    heads = version.metrics["heads"]
    silent = {name for name, one in heads.items() if not one["published"]}
    # Two weeks of the newest clicks' future are not in the log: nobody can say whether these are any good.
    assert {"purchase_7d", "churn"} <= silent if publish == "worthy" else not silent
    assert all(one["reason"] for one in heads.values())
    assert version.neural.layout is not None
    assert version.neural.layout.silent == silent
    assert set(heads) == {part.head.name for part in version.neural.layout.parts} <= set(BY_NAME)
    said = version.metrics["verdict"]["said"]
    assert any("Purchase intent" in one for one in said)
    assert any("More data" in one for one in said)
    assert registry.load(version.path).metrics["heads"] == heads


def test_train_offers_the_choice() -> None:
    assert "publish_heads" in {parameter.name for parameter in command.params}
