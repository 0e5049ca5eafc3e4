"""Intervals: how often they hold the truth, what they resample, where they end."""

import numpy as np
import pytest

from trainer.off_policy.estimators import ESTIMATORS, Terms
from trainer.off_policy.intervals import INTERVALS, PairedDifference, Single, bernstein, bootstrap, normal
from trainer.off_policy.policy_evidence import evidence
from trainer.off_policy.resampling_units import Units


@pytest.mark.parametrize("kind", ["bootstrap", "studentised", "normal", "bernstein"])
@pytest.mark.parametrize("name", ["dr", "snips", "ips"])
def test_intervals_hold_the_truth_as_often_as_they_say(bandit, kind, name):
    held, units = [], Units.of(None, 400)
    for seed in range(150):
        made = bandit(seed, 400)
        given = evidence(made.policy, made.logged, made.policy.matrix, made.means)
        found = INTERVALS[kind](Single(ESTIMATORS[name](given)), units, 0.95)
        held.append(found.low <= made.truth <= found.high)
    # 150 draws of 95% are below 90% in about one of 200 runs.
    assert np.mean(held) >= (0.99 if kind == "bernstein" else 0.9)


def test_decisions_of_a_visitor_are_resampled_together(bandit):
    made = bandit(0, 400)
    given = evidence(made.policy, made.logged, made.policy.matrix, made.means)
    single = ESTIMATORS["ips"](given)
    fourfold = Terms(*(np.tile(one, 4) for one in (single.numerator, single.denominator)), None)
    visitors = np.tile(np.arange(400), 4)
    for make in (bootstrap, normal):
        alone = make(Single(single), Units.of(None, 400), 0.95)
        together = make(Single(fourfold), Units.of(visitors, 1600), 0.95)
        apart = make(Single(fourfold), Units.of(None, 1600), 0.95)
        assert together.high - together.low == pytest.approx(alone.high - alone.low, rel=0.01)
        assert apart.high - apart.low == pytest.approx((alone.high - alone.low) / 2, rel=0.1)


def test_the_bernstein_bound_by_hand():
    terms = Terms(np.array([0.0, 1.0, 1.0, 0.0]), np.ones(4), None)
    found = bernstein(Single(terms), Units.of(None, 4), 0.95)
    log = np.log(80)
    reach = np.sqrt(2 * (1 / 3) * log / 4) + 7 * log / 9
    assert (found.low, found.high) == pytest.approx((0.5 - reach, 0.5 + reach))


def test_a_difference_of_the_same_policy_is_nothing_and_pairs_are_narrower(bandit):
    made = bandit(0, 1000)
    given = evidence(made.policy, made.logged, made.policy.matrix, made.means)
    units = Units.of(None, 1000)
    one, other = Single(ESTIMATORS["dr"](given)), Single(ESTIMATORS["dros"](given))
    for make in INTERVALS.values():
        found = make(PairedDifference(one, one), units, 0.95)
        assert (found.low, found.high) == (0.0, 0.0)
    paired = bootstrap(PairedDifference(one, other), units, 0.95)
    alone = bootstrap(one, units, 0.95)
    assert paired.high - paired.low < 0.5 * (alone.high - alone.low)
    assert paired.low <= one.value - other.value <= paired.high


def test_nothing_that_overlaps_and_one_visitor_have_no_interval():
    empty = Single(Terms(np.zeros(3), np.zeros(3), np.zeros(3)))
    lonely = Single(Terms(np.ones(3), np.ones(3), np.ones(3)))
    for make in INTERVALS.values():
        assert np.isnan(make(empty, Units.of(None, 3), 0.95).low)
        assert np.isnan(make(lonely, Units.of(np.zeros(3, dtype=np.int64), 3), 0.95).high)


def test_the_same_seed_gives_the_same_interval(bandit):
    made = bandit(0, 300)
    given = evidence(made.policy, made.logged, made.policy.matrix, made.means)
    single = Single(ESTIMATORS["snips"](given))
    first = bootstrap(single, Units.of(None, 300, 1), 0.95)
    assert bootstrap(single, Units.of(None, 300, 1), 0.95) == first
    assert bootstrap(single, Units.of(None, 300, 2), 0.95) != first
