"""Every baseline passes the same checks (as river's estimators do), and each is better than chance."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from models import quality_metrics
from models.registry.json_arrays import join_arrays, split_arrays
from models.state.codes import item_hash
from tests.scoring import SHIPPED
from trainer.baselines import BaselineError, Baselines, amount_baselines, amounts
from trainer.baselines.intent import INTENT
from trainer.baselines.next_item import COUNTING
from trainer.baselines.next_items import methods, prefixes
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.logs.session_files import Sessions
from trainer.training.log_counts import vocabulary

LEARNED = sorted(name for name, kind in INTENT.items() if kind.needs_both)
ROOT = Path(__file__).parents[4]
AMOUNTS = ("mean", "poisson_regression", "bayesian_ridge")


@pytest.fixture(scope="module")
def parts() -> list[Examples]:
    return split(replay_log(read_log([SHIPPED]).head(40_000)).examples(), (0.6, 0.2, 0.2))


@pytest.fixture(scope="module")
def made(parts) -> Baselines:
    return Baselines.learn(parts[0], parts[1], vocabulary(parts[0])[0])


@pytest.fixture(scope="module")
def later(parts) -> Examples:
    return parts[2].grouped()


@pytest.fixture(scope="module")
def found(made, later) -> dict[str, np.ndarray]:
    return made.predict(later)


def said(made: Baselines, name: str, examples: Examples) -> np.ndarray:
    """One baseline's probabilities."""
    return Baselines({"intent": {name: made.state["intent"][name]}}).predict(examples)[name]


def stored(state: dict) -> dict:
    """What a version keeps and gives back: JSON and safetensors."""
    plain, arrays = split_arrays(state)
    return join_arrays(json.loads(json.dumps(plain)), load(save(arrays)))


@pytest.mark.parametrize("name", INTENT)
def test_shapes_and_probabilities(made, found, later, name) -> None:
    assert found[name].shape == (len(later),)
    assert found[name].dtype == np.float32
    assert ((found[name] >= 0) & (found[name] <= 1)).all()
    assert 0 <= made.state["thresholds"][name] <= 1


@pytest.mark.parametrize("name", INTENT)
def test_what_is_kept_says_the_same(made, found, later, name) -> None:
    again = Baselines(stored(made.state))
    # Not to the last bit: products of matrices depend on where their operands lie in memory.
    np.testing.assert_allclose(said(again, name, later), found[name], rtol=1e-5)
    assert again.state["thresholds"] == made.state["thresholds"]


@pytest.mark.parametrize("name", INTENT)
def test_the_same_log_teaches_the_same(parts, later, name) -> None:
    learned, valid = parts[0].part(np.arange(2500)).grouped(), parts[1].part(np.arange(800)).grouped()
    once, again = (INTENT[name].learn(learned, valid) for _ in range(2))
    np.testing.assert_array_equal(INTENT[name].predict(once, later), INTENT[name].predict(again, later))


@pytest.mark.parametrize("name", INTENT)
def test_a_session_is_judged_by_itself(made, found, later, name) -> None:
    """Neither what came after a click nor other sessions change what is said of it."""
    cut = int(np.flatnonzero(np.diff(later.session))[200]) + 1
    whole, part = found[name], said(made, name, later.part(np.arange(cut)))
    np.testing.assert_allclose(whole[:cut], part, rtol=1e-5, atol=1e-6)
    first = np.flatnonzero(later.session == later.session[cut - 1])
    shorter = said(made, name, later.part(first[:1]))
    np.testing.assert_allclose(whole[first[0]], shorter[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", INTENT)
def test_no_click_has_no_answer_and_an_unseen_item_has_one(made, later, name) -> None:
    assert said(made, name, later.part(np.arange(0))).shape == (0,)
    one = later.part(np.arange(1))
    codes = one.codes.copy()
    codes["item"] = item_hash("never seen")
    assert np.isfinite(said(made, name, replace(one, codes=codes))).all()


@pytest.mark.parametrize("name", LEARNED)
def test_it_is_better_than_chance(found, later, name) -> None:
    judged = later.judged
    assert quality_metrics.auc(found[name][judged], later.buys[judged]) > 0.55


def test_naive_bayes_is_no_straw_man(found, later) -> None:
    """As good as logistic regression on nearly the same columns, and with probabilities that can be used."""
    judged, labels = later.judged, later.buys[later.judged]
    bayes, line = (
        quality_metrics.auc(found[name][judged], labels) for name in ("naive_bayes", "logistic_regression")
    )
    assert bayes > line - 0.05
    assert quality_metrics.brier(found["naive_bayes"][judged], labels) < 1.05 * labels.mean() * (
        1 - labels.mean()
    )


def test_features_that_are_no_numbers_are_refused(made, parts, later) -> None:
    features = later.features.copy()
    features[3, 5] = np.nan
    with pytest.raises(BaselineError, match=r"features hold nan at \(3, 5\); expected finite"):
        made.predict(replace(later, features=features))
    broken = parts[0].features.copy()
    broken[-1, 0] = np.inf
    with pytest.raises(BaselineError, match="features hold inf"):
        Baselines.learn(replace(parts[0], features=broken), parts[1])


def test_one_class_leaves_what_needs_none(parts) -> None:
    learned, valid, _ = parts
    nobody = replace(learned, buys=np.zeros_like(learned.buys))
    found = Baselines.learn(nobody, valid).predict(valid.grouped())
    assert set(found) == {"base_rate", "majority_class"} == set(INTENT) - set(LEARNED)
    assert not found["base_rate"].any()


def test_majority_says_what_most_do(made, found) -> None:
    assert not found["majority_class"].any()
    assert made.state["thresholds"]["majority_class"] == 0.5


@pytest.mark.parametrize("name", COUNTING)
def test_next_item_methods_survive_and_refuse_nothing(made, parts, later, name) -> None:
    words, _ = vocabulary(parts[0])
    method = methods(made.state["next_item"])[name]
    chosen = later.target != 0
    given = prefixes(later, words, chosen)
    assert len(given) == chosen.sum()
    part = given.part(0, 40)
    scores = method(part)
    assert scores.shape == (40, len(words.ids))
    assert (np.asarray(scores) >= 0).all()
    np.testing.assert_array_equal(scores, methods(stored(made.state)["next_item"])[name](part))
    nothing = Sessions(np.zeros(0, dtype=np.int64), np.zeros(2, dtype=np.int64))
    assert np.isfinite(method(nothing)).all()


def test_prefixes_are_the_session_up_to_the_click(parts, later) -> None:
    words, _ = vocabulary(parts[0])
    where = np.zeros(len(later), dtype=bool)
    where[::7] = True
    found = prefixes(later, words, where)
    numbers = words.lookup(later.codes["item"])
    for number, click in enumerate(np.flatnonzero(where)[:300]):
        start = int(np.flatnonzero(later.session == later.session[click])[0])
        expected = [item for item in numbers[start : click + 1].tolist() if item >= 0][-10:]
        assert found.items[found.bounds[number] : found.bounds[number + 1]].tolist() == expected


def drawn(rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    inputs = random.normal(size=(rows, 5)).astype(np.float32)
    return inputs, random.poisson(np.exp(0.5 + inputs @ [0.6, -0.4, 0, 0, 0.2])).astype(np.float32)


@pytest.mark.parametrize("name", AMOUNTS)
def test_amounts(name) -> None:
    inputs, wanted = drawn()
    states = amounts.learn(inputs, wanted)
    found = amounts.amounts(json.loads(json.dumps(states[name])), inputs)
    np.testing.assert_array_equal(found, amount_baselines(inputs, wanted, inputs)[name])
    assert found.shape == (4000,)
    assert found.dtype == np.float32
    assert ((found >= 0) & (found <= wanted.max())).all()
    assert amounts.amounts(states[name], inputs[:0]).shape == (0,)
    with pytest.raises(BaselineError, match="inputs hold nan"):
        amounts.amounts(states[name], np.full((1, 5), np.nan))
    assert not amount_baselines(inputs, wanted * 0, inputs)[name].any()


def test_regressions_find_what_was_drawn() -> None:
    inputs, wanted = drawn()
    found = amount_baselines(inputs[:2000], wanted[:2000], inputs[2000:])
    errors = {name: float(((guess - wanted[2000:]) ** 2).mean()) for name, guess in found.items()}
    assert errors["poisson_regression"] < errors["bayesian_ridge"] < errors["mean"]
    np.testing.assert_allclose(found["mean"], wanted[:2000].mean(), rtol=1e-5)


def test_wrong_amounts_are_refused() -> None:
    inputs, wanted = drawn(10)
    with pytest.raises(BaselineError, match=r"smallest amount is -1\.0; expected amounts from 0 up"):
        amounts.learn(inputs, np.append(wanted[:-1], -1))
    with pytest.raises(BaselineError, match="smallest amount is none"):
        amounts.learn(inputs[:0], wanted[:0])
    with pytest.raises(BaselineError, match="amounts hold nan"):
        amounts.learn(inputs, np.append(wanted[:-1], np.nan))


def test_the_documentation_names_every_baseline() -> None:
    page = (ROOT / "docs" / "models" / "evaluation.md").read_text()
    assert [name for name in (*INTENT, *COUNTING, *AMOUNTS) if f"`{name}`" not in page] == []
