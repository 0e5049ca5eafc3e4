"""The evaluation report: a version and its baselines on later clicks, with bootstrap intervals."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import quality_metrics
from models.registry.registry import Version
from trainer.baselines import Baselines
from trainer.evaluation import heads_report
from trainer.evaluation.bootstrap import Resamples, by_session, interval, resampled
from trainer.evaluation.evaluate import answers
from trainer.evaluation.report_items import RankingFigures
from trainer.examples.examples import Examples
from trainer.logs.warmup import since

Probabilities = NDArray[np.float32]
#: Click numbers within a session for which purchase intent is also reported separately.
CLICKS = (1, 2, 3, 5, 10, 20)


def evaluate(version: Version, baselines: Baselines | None, examples: Examples, first: int) -> dict[str, Any]:
    """Figures of a version on the clicks from index `first` on; earlier clicks are warm-up and do not count.

    Raises ExamplesError if no click is left to evaluate.
    """
    grouped, scored = since(examples, first)
    return _figures(version, baselines, grouped, scored)


def _figures(
    version: Version, baselines: Baselines | None, grouped: Examples, scored: NDArray[np.bool_]
) -> dict[str, Any]:
    judged = scored & grouped.judged & grouped.over
    wanted = scored & (grouped.target != 0)
    draws = resampled(grouped.visitor[judged])
    neural = answers(version.neural, grouped)
    near = answers(version.neighbours, grouped)
    threshold = float(version.metrics.get("threshold", 0.5))
    compared = baselines.predict(grouped) if baselines else {}
    limits = baselines.state["thresholds"] if baselines else {}
    reports = {
        name: {"intent": intent(probabilities, grouped, judged, limits[name], draws)}
        for name, probabilities in compared.items()
    }
    for name, probabilities in compared.items():
        if probabilities.std() > 0:
            reports[name]["ahead_by"] = lead(neural.purchase, probabilities, grouped, judged, draws)
    items = RankingFigures.of(grouped, wanted, version.vocabulary, version.popularity)
    reports["session_knn"] = {"next_item": items.served(near)}
    for name, figures in items.counted(baselines.state.get("next_item") if baselines else None).items():
        reports[name] = {"next_item": figures}
    report = {
        "intent": intent(neural.purchase, grouped, judged, threshold, draws),
        "next_item": items.served(neural),
        "baselines": reports,
    }
    return report | {"heads": _heads(report) | heads_report.heads(version, grouped, scored, neural.tasks)}


def intent(
    chances: Probabilities, grouped: Examples, judged: NDArray[np.bool_], threshold: float, draws: Resamples
) -> dict[str, Any]:
    """Figures of purchase intent over the judged clicks, and by click number."""
    scores, labels, position = chances[judged], grouped.buys[judged], grouped.position[judged]
    areas = draws.areas(scores, labels)
    places = {str(at): position == at for at in CLICKS}
    by_click = {at: _quality(scores[there], labels[there], threshold) for at, there in places.items()}
    return {
        **_quality(scores, labels, threshold),
        "auc_interval": interval(areas[:, 0]),
        "average_precision_interval": interval(areas[:, 1]),
        "brier": quality_metrics.brier(scores, labels),
        "calibration_slope": quality_metrics.calibration_slope(scores, labels),
        "top_decile_ece": quality_metrics.top_decile_error(scores, labels),
        "threshold": threshold,
        "by_session": by_session(scores, labels, grouped.session[judged])._asdict(),
        "by_click_index": by_click,
    }


def _quality(scores: Probabilities, labels: NDArray[np.bool_], threshold: float) -> dict[str, Any]:
    share = float(labels.mean()) if len(labels) else 0.0
    return {
        "auc": quality_metrics.auc(scores, labels),
        "average_precision": quality_metrics.average_precision(scores, labels),
        "ece": quality_metrics.calibration_error(scores, labels),
        **quality_metrics.at_threshold(scores, labels, threshold)._asdict(),
        "majority_accuracy": max(share, 1 - share),
        "n": len(labels),
        "positives": int(labels.sum()),
    }


def lead(
    model: Probabilities, other: Probabilities, grouped: Examples, judged: NDArray[np.bool_], draws: Resamples
) -> dict[str, Any]:
    """Differences between the model's figures and another's, with paired 95% intervals over visitors, overall
    and by click number.
    """
    labels, position = grouped.buys[judged], grouped.position[judged]
    one, two = model[judged], other[judged]
    differences = _difference(one, two, labels, draws)
    places = {str(at): position == at for at in CLICKS if labels[position == at].any()}
    differences["by_click_index"] = {
        at: _difference(one[there], two[there], labels[there], draws.part(there))
        for at, there in places.items()
    }
    return differences


def _difference(
    one: Probabilities, other: Probabilities, labels: NDArray[np.bool_], draws: Resamples
) -> dict[str, Any]:
    apart = draws.areas(one, labels) - draws.areas(other, labels)
    return {
        "auc": quality_metrics.auc(one, labels) - quality_metrics.auc(other, labels),
        "auc_interval": interval(apart[:, 0]),
        "average_precision": quality_metrics.average_precision(one, labels)
        - quality_metrics.average_precision(other, labels),
        "average_precision_interval": interval(apart[:, 1]),
    }


def _heads(made: dict[str, Any]) -> dict[str, Any]:
    """The main figure of each output beside that of its best baseline."""
    known = [report["intent"] for report in made["baselines"].values() if "intent" in report]
    others = [figures["average_precision"] for figures in known]
    return {
        "purchase_session": {
            "metric": "average_precision",
            "value": made["intent"]["average_precision"],
            "baseline": max(others, default=made["intent"]["positives"] / made["intent"]["n"]),
        },
        "next_item": {
            "metric": "recall@20",
            "value": made["next_item"]["recall@20"],
            "baseline": made["baselines"]["session_knn"]["next_item"]["recall@20"],
        },
    }
