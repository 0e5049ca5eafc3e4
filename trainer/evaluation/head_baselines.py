"""Baselines for the further heads, trained on the same clicks; their state is JSON.

Yes-or-no heads: base rate, logistic regression, boosted trees. Distributions: class frequencies, a table of
transitions from the latest click with a class, and boosted trees for intent states and next events. Amounts:
mean, Poisson and Bayesian ridge regression. Ratings: overall mean, shrunken item mean, and item mean plus
visitor mean.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import BayesianRidge, LogisticRegression, PoissonRegressor

from models.contract.events import EVENTS
from models.contract.head_table import HeadPart, Kind, Layout
from models.features import features
from models.features.tree_columns import USED
from models.state.codes import items as item_hashes
from models.state.segments import rank_in_group
from trainer.examples.click_paths import Paths
from trainer.examples.examples import Examples
from trainer.examples.labels import LABELS, class_numbers, price_bands
from trainer.loop.targets import HeadPlan

Floats = NDArray[np.float32]
Values = NDArray[np.generic]
State = dict[str, Any]
#: Clicks that a baseline is trained on, evenly spaced over the clicks with a label.
MOST: Final = 100_000
#: The same for the quick verdict at the end of a training.
QUICK: Final = 30_000
#: As for purchase intent, hour and weekday are left out: on a few weeks they identify single sessions.
_USED: Final = np.flatnonzero(USED)
_TREES: Final = {
    "num_leaves": 31,
    "learning_rate": 0.05,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": 0,
    "verbose": -1,
}
ROUNDS: Final = 200
#: Rounds for multiclass trees, which grow one tree for each class, and the heads for which that is
#: affordable.
CLASS_ROUNDS: Final = 50
TREES_FOR: Final = ("next_event", "intent_state")
#: Pseudo-ratings by which a visitor's mean is shrunk to the overall mean.
VISITOR_PULL: Final = 5.0
#: Pseudo-clicks by which a row of the transition table is shrunk to the class frequencies.
PULL: Final = 20.0
_EVENTS: Final = len(EVENTS) + 1
_RATINGS, _RATING_MEAN = features.NAMES.index("ratings_given"), features.NAMES.index("rating_mean")


def columns(grouped: Examples) -> Floats:
    """The inputs of the baselines [N, columns]: the feature row, and event and dwell of the three clicks
    before.
    """
    rank, past = rank_in_group(grouped.session), []
    for back in (1, 2, 3):
        for name in ("event", "dwell"):
            past.append(np.where(rank >= back, np.roll(grouped.codes[name].astype(np.float32), back), -1))
    return np.column_stack([grouped.features[:, _USED], grouped.codes["event"], *past]).astype(np.float32)


def learn(train: Examples, planned: HeadPlan, quick: bool = False) -> State:
    """Train the baselines of all heads; states by head and baseline. `quick` uses fewer clicks and
    no trees.
    """
    grouped = train.grouped()
    paths, layout, inputs = Paths(grouped, planned.churn_days), Layout.of(planned.tasks), columns(grouped)
    learners: dict[Kind, Callable[[Paths, HeadPart, Floats], State]] = {
        Kind.BINARY: partial(_learn_binary, quick=quick),
        Kind.SHARED: partial(_learn_binary, quick=quick),
        Kind.CLASSES: partial(_learn_classes, quick=quick),
        Kind.AMOUNT: _learn_amount,
        Kind.RATING: _learn_rating,
    }
    parts = [part for part in layout.parts if part.head.kind in learners]
    return {part.head.name: learners[part.head.kind](paths, part, inputs) for part in parts}


def _chosen(known: NDArray[np.bool_], most: int = MOST) -> NDArray[np.int64]:
    there: NDArray[np.int64] = np.flatnonzero(known)
    return there[np.linspace(0, len(there) - 1, min(len(there), most)).astype(np.int64)]


def _learn_binary(paths: Paths, part: HeadPart, inputs: Floats, quick: bool) -> State:
    label = LABELS[part.head.name](paths, part)
    rows = _chosen(~np.isnan(label), QUICK if quick else MOST)
    if quick and not len(rows):
        return {"base_rate": 0.0}
    wanted = label[rows]
    state: State = {"base_rate": float(wanted.mean())}
    if 0 < wanted.sum() < len(wanted):
        state["logistic_regression"] = _line(
            LogisticRegression(C=0.1, max_iter=100, tol=1e-3), inputs[rows], wanted
        )
        if quick:
            return state
        data = lightgbm.Dataset(inputs[rows], wanted)
        state["lightgbm"] = lightgbm.train({**_TREES, "objective": "binary"}, data, ROUNDS).model_to_string()
    return state


def _line(model: Any, inputs: Floats, wanted: Values) -> State:
    mean, std = inputs.mean(0), np.maximum(inputs.std(0), 1e-3)
    model.fit((inputs - mean) / std, wanted)
    weights, bias = np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])
    return {"mean": mean.tolist(), "std": std.tolist(), "weights": weights.tolist(), "bias": bias}


def _on_line(line: State, inputs: Floats) -> NDArray[np.float64]:
    products: NDArray[np.float64] = (
        (inputs - np.array(line["mean"])) / np.array(line["std"]) @ np.array(line["weights"])
    )
    return np.asarray(products + line["bias"])


def _learn_classes(paths: Paths, part: HeadPart, inputs: Floats, quick: bool) -> State:
    label = LABELS[part.head.name](paths, part).astype(np.int64)
    before = source(paths.all, part)
    known = label >= 0
    size = int(before.max(initial=-1)) + 2
    counts = np.zeros((size, len(part.classes)))
    # The last row is for clicks without a source, so that the index -1 finds it.
    where = np.broadcast_to(before[:, None] % size, label.shape)[known]
    np.add.at(counts, (where, label[known]), 1)
    popular = (counts.sum(0) + 1e-3) / (counts.sum() + 1e-3 * len(part.classes))
    table = (counts + PULL * popular) / (counts.sum(1, keepdims=True) + PULL)
    state: State = {"popular": popular.tolist(), "transitions": table.tolist()}
    if part.head.name in TREES_FOR and not quick:
        rows = _chosen(known[:, 0], MOST // 2)
        data = lightgbm.Dataset(inputs[rows], label[rows, 0])
        wanted = {**_TREES, "objective": "multiclass", "num_class": len(part.classes), "num_leaves": 15}
        state["lightgbm"] = lightgbm.train(wanted, data, CLASS_ROUNDS).model_to_string()
    return state


def source(grouped: Examples, part: HeadPart) -> NDArray[np.int64]:
    """The row of a distribution's transition table for each click [N]; -1 for clicks without a source."""
    event = grouped.codes["event"].astype(np.int64)
    if part.head.name == "next_event":
        inside = rank_in_group(grouped.session) > 0
        return np.where(inside, np.roll(event, 1), 0) * _EVENTS + event
    if part.head.name == "intent_state":
        return features.stages(grouped.features).astype(np.int64) * _EVENTS + event
    if part.head.name == "interest_price":
        return _latest(grouped, price_bands(grouped.observed["price"]))
    hashes = grouped.observed["brand"] if part.head.name == "interest_brand" else grouped.codes["category"]
    return _latest(grouped, class_numbers(hashes, part.classes))


def _latest(grouped: Examples, classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The class of the session's latest click that has one, up to and including this click; -1 for none."""
    here = np.arange(len(classes))
    latest = np.maximum.accumulate(np.where(classes >= 0, here, -1))
    started = here - rank_in_group(grouped.session)
    return np.where(latest >= started, classes[np.maximum(latest, 0)], -1)


def _learn_amount(paths: Paths, part: HeadPart, inputs: Floats) -> State:
    label = LABELS[part.head.name](paths, part)
    rows = _chosen(~np.isnan(label), MOST // 2)
    wanted, mean = label[rows].astype(np.float64), float(label[rows].mean())
    state: State = {"mean": mean, "unit": max(mean, 1e-6)}
    if mean > 0:
        state["bayesian_ridge"] = _line(BayesianRidge(), inputs[rows], wanted)
        state["poisson_regression"] = _line(
            PoissonRegressor(alpha=1e-2, max_iter=200), inputs[rows], wanted / mean
        )
    return state


def _learn_rating(paths: Paths, part: HeadPart, _inputs: Floats) -> State:
    label = LABELS[part.head.name](paths, part)
    known = ~np.isnan(label)
    mean, hashes = float(label[known].mean()), item_hashes(paths.all.codes)[known]
    items, inverse = np.unique(hashes, return_inverse=True)
    sums, counts = np.bincount(inverse, label[known]), np.bincount(inverse)
    means = (sums + PULL * mean) / (counts + PULL)
    return {"mean": mean, "item_mean": dict(zip(map(str, items.tolist()), means.tolist(), strict=True))}


def predict(
    state: State, part: HeadPart, grouped: Examples, inputs: Floats
) -> dict[str, NDArray[np.floating]]:
    """Predictions of each baseline of a head for clicks grouped by session: [N], for distributions [N,
    classes].
    """
    count, trees = len(grouped), state.get("lightgbm")
    predictions: dict[str, NDArray[np.floating]] = {}
    if trees:
        predictions["lightgbm"] = lightgbm.Booster(model_str=trees).predict(inputs)
    if part.head.kind is Kind.CLASSES:
        table, before = np.array(state["transitions"]), source(grouped, part)
        predictions["popular"] = np.broadcast_to(np.array(state["popular"]), (count, len(part.classes)))
        predictions["transitions"] = table[np.where(before < len(table) - 1, before, -1)]
    for name in ("base_rate", "mean"):
        if name in state:
            predictions[name] = np.full(count, state[name])
    for name in ("logistic_regression", "bayesian_ridge", "poisson_regression"):
        if name in state:
            line = _on_line(state[name], inputs)
            predictions[name] = state["unit"] * np.exp(np.minimum(line, 20)) if name[0] == "p" else line
    if "item_mean" in state:
        hashes = map(str, item_hashes(grouped.codes).tolist())
        predictions["item_mean"] = np.array([state["item_mean"].get(one, state["mean"]) for one in hashes])
        given, mean = np.expm1(grouped.features[:, _RATINGS]), grouped.features[:, _RATING_MEAN]
        visitor = (mean - state["mean"]) * given / (given + VISITOR_PULL)
        predictions["item_and_visitor_mean"] = predictions["item_mean"] + visitor
    return predictions
