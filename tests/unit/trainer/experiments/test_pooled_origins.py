"""Pooled periods: figures by hand, a lead that is certain, and methods that answered too little left out."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from trainer.experiments.pooled_origins import Period, PeriodAnswers, pooled

RANDOM = np.random.default_rng(0)
CLICKS = 2_000


def period(first_visitor: int) -> tuple[Period, np.ndarray]:
    """A period's clicks, and the probabilities by which they bought."""
    chance = RANDOM.beta(1, 4, CLICKS).astype(np.float32)
    visitor = first_visitor + np.arange(CLICKS) // 4
    position = (1 + np.arange(CLICKS) % 4).astype(np.int32)
    return Period(RANDOM.random(CLICKS) < chance, visitor, visitor, position), chance


@pytest.fixture(scope="module")
def periods() -> list[tuple[Period, np.ndarray]]:
    return [period(0), period(10_000)]


def answered(periods, method: str, seed: int | None, noise: float) -> list[PeriodAnswers]:
    return [
        PeriodAnswers(
            at, seed, method, np.clip(chance + noise * RANDOM.normal(size=CLICKS), 0, 1).astype("f4")
        )
        for at, (_, chance) in enumerate(periods)
    ]


def test_a_better_method_is_ahead_beyond_its_interval(periods) -> None:
    given = [period for period, _ in periods]
    runs = [answered(periods, "neural", seed, 0.0) for seed in (0, 1)]
    found = pooled(given, [*runs[0], *runs[1], *answered(periods, "noisy", None, 0.3)])
    serves, noisy = found["neural"], found["noisy"]
    labels = np.concatenate([period.bought for period in given])
    chances = np.concatenate([chance for _, chance in periods])
    assert serves.areas.auc == pytest.approx(roc_auc_score(labels, chances), abs=1e-4)
    assert serves.lead is None
    assert serves.calibration[0].slope == pytest.approx(1, abs=0.15)
    assert noisy.lead is not None
    assert 0 < noisy.lead.auc.low < noisy.lead.auc.ahead < noisy.lead.auc.high
    assert noisy.lead.auc.ahead == pytest.approx(serves.areas.auc - noisy.areas.auc)
    assert set(noisy.by_click) == {"1", "2", "3"}
    assert len(noisy.calibration) == 2


def test_a_method_is_not_ahead_of_itself(periods) -> None:
    runs = answered(periods, "neural", 0, 0.0)
    found = pooled([period for period, _ in periods], [*runs, *(one._replace(method="same") for one in runs)])
    assert found["same"].lead is not None
    assert tuple(found["same"].lead.auc) == (0, 0, 0)


def test_what_has_not_answered_every_period_is_left_out(periods) -> None:
    runs = [*answered(periods, "neural", 0, 0.0), *answered(periods, "late", None, 0.1)[1:]]
    given = [period for period, _ in periods]
    assert list(pooled(given, runs)) == ["neural"]
    assert pooled(given, answered(periods, "late", None, 0.1)) == {}
