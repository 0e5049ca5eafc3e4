"""Figures against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from models import quality_metrics

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=60)


@given(PAIRS)
def test_auc_average_precision_and_brier_with_ties(pairs: list[tuple[int, bool]]) -> None:
    scores = np.array([score / 6 for score, _ in pairs], dtype=np.float32)
    labels = np.array([label for _, label in pairs])
    if labels.any():
        expected = average_precision_score(labels, scores)
        assert quality_metrics.average_precision(scores, labels) == pytest.approx(expected, rel=1e-12)
    if 0 < labels.sum() < len(labels):
        area = roc_auc_score(labels, scores)
        assert quality_metrics.auc(scores, labels) == pytest.approx(area, rel=1e-12)
    squares = brier_score_loss(labels, scores, pos_label=True)
    assert quality_metrics.brier(scores, labels) == pytest.approx(squares, rel=1e-6)


def test_figures_without_a_case() -> None:
    nothing = np.zeros(3, dtype=bool)
    assert quality_metrics.auc(np.arange(3, dtype=np.float32), nothing) == 0.5
    assert quality_metrics.average_precision(np.arange(3, dtype=np.float32), nothing) == 0
    assert quality_metrics.at_ranks(np.zeros(0, dtype=np.int64)) == (0, 0)


def test_recall_and_reciprocal_rank() -> None:
    assert quality_metrics.at_ranks(np.array([1, 0, 4, 0])) == (0.5, (1 + 0.25) / 4)
    assert quality_metrics.brier(np.array([0.5, 1.0], dtype=np.float32), np.array([True, True])) == 0.125


def made(count: int = 4000, slope: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities whose logits are `slope` times the true ones, and labels."""
    random = np.random.default_rng(3)
    logits = random.normal(-1, 1.5, count)
    labels = random.random(count) < 1 / (1 + np.exp(-logits))
    return (1 / (1 + np.exp(-slope * logits))).astype(np.float32), labels


def test_calibration_is_told_from_its_lack() -> None:
    assert quality_metrics.calibration_error(*made()) < 0.02
    assert quality_metrics.calibration_error(*made(slope=3)) > 0.05
    scores, labels = made()
    assert quality_metrics.calibration_error(np.full_like(scores, 0.9), labels) == pytest.approx(
        0.9 - labels.mean()
    )
    assert quality_metrics.calibration_slope(*made(40_000)) == pytest.approx(1, abs=0.05)
    assert quality_metrics.calibration_slope(*made(40_000, slope=2)) == pytest.approx(0.5, abs=0.05)
    assert quality_metrics.calibration_slope(scores, np.zeros_like(labels)) == 1
    assert quality_metrics.calibration_error(scores[:0], labels[:0]) == 0


def test_equal_scores_are_calibrated_together_whatever_their_order() -> None:
    labels = np.arange(3000) < 150
    assert quality_metrics.calibration_error(np.full(3000, 0.05, np.float32), labels) == pytest.approx(
        0, abs=1e-6
    )
    scores = np.where(np.arange(3000) % 3 == 0, 0.2, 0.01).astype(np.float32)
    both = [
        quality_metrics.calibration_error(scores[way], labels[way])
        for way in (slice(None), slice(None, None, -1))
    ]
    means = [abs(labels[scores == one].mean() - one) * (scores == one).mean() for one in np.unique(scores)]
    assert both == pytest.approx([sum(means)] * 2, abs=1e-6)


@given(PAIRS)
def test_no_threshold_has_a_better_f1(pairs: list[tuple[int, bool]]) -> None:
    scores = np.array([score / 6 for score, _ in pairs], dtype=np.float32)
    labels = np.array([label for _, label in pairs])
    found = quality_metrics.at_threshold(scores, labels, quality_metrics.best_threshold(scores, labels))
    tried = [quality_metrics.at_threshold(scores, labels, float(limit)) for limit in np.unique(scores)]
    assert found.f1 == pytest.approx(max(at.f1 for at in tried)) or not labels.any()
    for at, limit in zip(tried, np.unique(scores), strict=True):
        said = scores >= limit
        assert at.f1 == pytest.approx(f1_score(labels, said, zero_division=0))
        assert at.precision == pytest.approx(precision_score(labels, said, zero_division=0))
        assert at.recall == pytest.approx(recall_score(labels, said, zero_division=0))
        assert at.accuracy == pytest.approx((labels == said).mean())


def test_ranked_figures_by_hand() -> None:
    found = quality_metrics.ranked(np.array([1, 3, 0, 7]), 5)
    assert found == {
        "recall@5": 0.5,
        "mrr@5": pytest.approx((1 + 1 / 3) / 4),
        "ndcg@5": pytest.approx((1 + 1 / 2) / 4),
    }
    assert quality_metrics.ranked(np.zeros(0, dtype=np.int64), 5) == {"recall@5": 0, "mrr@5": 0, "ndcg@5": 0}


def test_percentiles_count_ties_half() -> None:
    assert quality_metrics.percentiles(np.array([5, 1, 5, 9, 0])).tolist() == [0.625, 0.25, 0.625, 1.0, 0.0]
    assert quality_metrics.percentiles(np.array([3])).tolist() == [0.0]
