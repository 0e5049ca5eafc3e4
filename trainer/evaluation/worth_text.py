"""The verdict on a new version in sentences: what is published, what is not, and what would help."""

from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any

from trainer.evaluation.worth import GAINED, HEADS, INTENT, LOGISTIC, worded

_NAMES = {
    "auc": "AUC",
    "average_precision": "average precision",
    "macro_f1": "macro F1",
    "mrr": "mean reciprocal rank",
    "gini": "Gini coefficient",
    "r2": "R²",
}


def sentences(metrics: Mapping[str, Any]) -> list[str]:
    """The verdict of a version with these metrics; empty for a version made without one."""
    if INTENT not in metrics and HEADS not in metrics:
        return []
    return [*_intent(metrics.get(INTENT, {})), *_items(metrics), *_heads(metrics.get(HEADS, {}))]


def _intent(intent: Mapping[str, Any]) -> Iterator[str]:
    if not intent:
        yield (
            "Purchase intent cannot be judged: too few of the newest sessions have a known outcome; "
            "give a log with more purchases."
        )
        return
    one = intent["average_precision"]
    chance, line = one["ahead of chance"], one[f"ahead of {LOGISTIC}"]
    figures = (
        f"average precision {one['value']:.3f}, {LOGISTIC} {one[LOGISTIC]:.3f} "
        f"(difference {_interval(line)}), chance {one['chance']:.3f}"
    )
    if chance["low"] <= 0:
        yield f"Purchase intent is not significantly better than chance: {figures}. Do not act on it yet."
    elif line["high"] < 0:
        yield f"Purchase intent is worse than {LOGISTIC}: {figures}. The simpler model predicts better."
    elif line["low"] > 0:
        yield f"Purchase intent is worth using: {figures}."
    else:
        yield (
            f"Purchase intent is better than chance, and not significantly different from {LOGISTIC}: "
            f"{figures}."
        )


def _items(metrics: Mapping[str, Any]) -> Iterator[str]:
    own, popular = metrics.get("neural"), metrics.get("popular_in_category")
    if own and popular:
        better = own["recall_20"] > popular["recall_20"]
        yield (
            f"Next items are {'better' if better else 'no better'} than what is popular in the category: "
            f"{own['recall_20']:.3f} of them are among the 20 recommended, {popular['recall_20']:.3f} among "
            "the 20 popular."
        )


def _heads(heads: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    spoken = [name for name, one in heads.items() if one["published"]]
    silent = {name: one for name, one in heads.items() if not one["published"]}
    if spoken:
        yield f"Further published heads: {', '.join(spoken)}."
    for name, one in silent.items():
        yield f"{name} is not published: {_why(one)}."
    if silent:
        yield "To publish them anyway, train with --publish-heads all."
    elif not heads:
        yield "The version has no further heads."


def _why(one: Mapping[str, Any]) -> str:
    if "metric" not in one:
        return str(one["reason"])
    name = _NAMES.get(one["metric"], worded(one["metric"]))
    if one["ahead of chance"]["low"] <= 0:
        apart, against = one["ahead of chance"], f"chance has {one['chance']:.3f}"
    else:
        apart, against = one["ahead of baseline"], f"{worded(one['by'])} has {one['baseline']:.3f}"
    return (
        f"{one['reason']}: {name} {one['value']:.3f} on {one['n']:,} clicks, {against} ({_interval(apart)})"
    )


def _interval(apart: Mapping[str, float]) -> str:
    return f"{apart['by']:+.3f}, 95% {apart['low']:+.3f} to {apart['high']:+.3f}"


def advice(metrics: Mapping[str, Any], bought: int, epochs: int, best: int) -> list[str]:
    """What more data or a longer training would bring, as far as the figures show it.

    `bought` is the number of training sessions with a purchase; of `epochs` epochs, number `best` was kept.
    """
    lines = []
    gained = metrics.get(INTENT, {}).get("average_precision", {}).get(GAINED)
    if gained and not isnan(gained["by"]):
        seen = "more data still helps" if gained["low"] > 0 else "no significant gain from more data"
        lines.append(
            f"More data: {seen}. All visitors instead of half of them change the average precision of "
            f"{LOGISTIC} by {_interval(gained)}. {bought:,} sessions with a purchase were learned from; "
            "four times as many would halve the intervals."
        )
    if epochs and best == epochs:
        lines.append(
            f"More time: the last of {epochs} epochs was the best, so more may be better still: --epochs and "
            "--time-budget."
        )
    elif epochs:
        lines.append(f"More time: would not help, epoch {best} of {epochs} was the best.")
    return lines
