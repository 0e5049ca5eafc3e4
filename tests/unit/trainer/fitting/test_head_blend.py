"""Weights of network and trees in a head, and trees that are kept only where they are better beyond noise."""

import numpy as np
import pytest

from trainer.fitting import head_blend

CLICKS, VISITORS = 8_000, 800


def labels(logits: np.ndarray, seed: int = 1) -> np.ndarray:
    """Classes drawn from the softmax of logits [N, C]."""
    noise = np.random.default_rng(seed).gumbel(size=logits.shape)
    return (logits + noise).argmax(1)


def outputs(classes: int) -> tuple[np.ndarray, np.ndarray]:
    """What network and trees say [N, C], each of its own part of the truth."""
    own, said = np.random.default_rng(0).normal(0, 1.5, (2, CLICKS, classes))
    return own, said


def clicks() -> tuple[np.ndarray, np.ndarray]:
    """When each click's session began, and whose it is."""
    return np.arange(CLICKS), np.random.default_rng(2).integers(0, VISITORS, CLICKS)


def test_it_finds_the_weights_that_the_classes_were_drawn_by() -> None:
    own, said = outputs(4)
    own[::3, 1] = head_blend.CLOSED
    logits = 0.8 * np.where(own <= head_blend.CLOSED, -1e9, own) + 0.4 * said
    found = head_blend.fitted(head_blend.terms(own, said), labels(logits))
    assert found == pytest.approx([0.8, 0.4], abs=0.06)


def test_a_head_of_one_logit_has_a_shift_too() -> None:
    own, said = outputs(1)
    logits = np.column_stack([np.zeros(CLICKS), 0.7 * own + 0.5 * said - 1.5])
    found = head_blend.fitted(head_blend.terms(own, said), labels(logits))
    assert found == pytest.approx([0.7, 0.5, -1.5], abs=0.12)


@pytest.mark.parametrize("classes", [1, 4])
def test_trees_that_know_more_are_kept(classes: int) -> None:
    own, said = outputs(classes)
    logits = own + said if classes > 1 else np.column_stack([np.zeros(CLICKS), own + said])
    trial = head_blend.judged(head_blend.terms(own, said), labels(logits), *clicks())
    assert trial.kept
    assert trial.both < min(trial.network, trial.trees)
    assert trial.gain[0] == pytest.approx(trial.network - trial.both)
    assert len(trial.by_part) == head_blend.PARTS - 1


@pytest.mark.parametrize("seed", range(5))
def test_trees_that_know_nothing_more_are_not(seed: int) -> None:
    own, _ = outputs(4)
    noise = np.random.default_rng(9 + seed).normal(size=own.shape)
    trial = head_blend.judged(head_blend.terms(own, 0.1 * noise), labels(own, seed), *clicks())
    assert not trial.kept


def test_clicks_of_one_visitor_are_not_many_proofs() -> None:
    own, said = outputs(1)
    logits = np.column_stack([np.zeros(CLICKS), own + 0.3 * said])
    given, label = head_blend.terms(own, said), labels(logits)
    began, visitor = clicks()
    many = head_blend.judged(given, label, began, visitor).gain
    few = head_blend.judged(given, label, began, visitor // 400).gain
    assert few[0] == many[0]
    assert few[2] - few[1] != pytest.approx(many[2] - many[1])
