"""Strengths chosen by data: what is left out weighs against what varies."""

import numpy as np

from trainer.off_policy.estimators import ESTIMATORS, Evidence
from trainer.off_policy.shrinkage_choice import Candidate, by_estimated_error

_NOISE = np.random.default_rng(0).normal(size=1000)


def test_the_estimated_error_weighs_bias_against_variance():
    wild = Candidate(50 * _NOISE, np.zeros(1000))
    calm = Candidate(_NOISE, 0.001 * _NOISE)
    biased = Candidate(_NOISE, np.full(1000, 5.0))
    assert by_estimated_error([calm, wild]) == 0
    assert by_estimated_error([biased, wild]) == 1
    assert by_estimated_error([calm, calm]) == 1


def test_large_weights_that_only_add_noise_are_given_up():
    errors = {"dr": [], "switch_dr": [], "dros": []}
    for seed in range(100):
        random = np.random.default_rng(seed)
        weights = np.where(random.random(2000) < 0.005, 200.0, 1.0)
        noise = Evidence(weights, random.normal(size=2000), np.zeros(2000), np.zeros(2000))
        for name, found in errors.items():
            found.append(ESTIMATORS[name](noise).value ** 2)
    assert np.mean(errors["switch_dr"]) < 0.9 * np.mean(errors["dr"])
    assert np.mean(errors["dros"]) < 0.9 * np.mean(errors["dr"])


def test_large_weights_that_carry_the_value_are_kept():
    weights = np.where(np.arange(3000) % 300 == 0, 300.0, 1.0)
    needed = Evidence(weights, (weights > 1).astype(np.float64), np.zeros(3000), np.zeros(3000))
    for name in ("ips_clipped", "switch_dr", "dros"):
        assert ESTIMATORS[name](needed).value == ESTIMATORS["ips"](needed).value == 1.0


def test_a_log_without_overlap_has_nothing_to_choose():
    nothing = Evidence(np.zeros(9), np.ones(9), np.full(9, 0.5), np.full(9, 0.25))
    assert ESTIMATORS["ips_clipped"](nothing).value == 0.0
    assert ESTIMATORS["switch_dr"](nothing).value == ESTIMATORS["dros"](nothing).value == 0.25
