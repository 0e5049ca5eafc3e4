"""Purchase intent without a sequence network: what a version is compared with, learned from the same clicks.

Gradient-boosted trees (Ke et al. 2017, LightGBM), logistic regression, naive Bayes, and the plain base rate.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from models import metrics
from models.codes import items
from models.features import NAMES, POSITION
from models.ragged import rank_in_group
from trainer.examples import Examples

Chances = NDArray[np.float32]
#: Hour and weekday tell the sessions of a few weeks apart; with them the trees are worse on later ones.
_LEFT_OUT = ("hour", "weekday", "event=", "previous_event=", "country=", "category=", "price_position")
_DENSE = [place for place, name in enumerate(NAMES) if not name.startswith(_LEFT_OUT)]
_COUNTRIES = [place for place, name in enumerate(NAMES) if name.startswith("country=")]
#: Events and dwells of so many clicks before this one.
BACK = 3
TREES = {
    "objective": "binary",
    "num_leaves": 31,
    "learning_rate": 0.03,
    "min_data_in_leaf": 500,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
    "seed": 0,
    "verbose": -1,
}
ROUNDS = 500


@dataclass
class Table:
    """Columns for trees: dense features, the last events and dwells, and names by how common they are."""

    ranks: dict[str, dict[str, int]] = field(default_factory=dict)

    def fit(self, examples: Examples) -> "Table":
        """Learn which names are common."""
        for name, values in _names(examples).items():
            found, counts = np.unique(values, return_counts=True)
            order = found[np.argsort(-counts, kind="stable")][:250]
            self.ranks[name] = {str(value): rank for rank, value in enumerate(order.tolist())}
        return self

    def __call__(self, examples: Examples) -> NDArray[np.float32]:
        """Columns float32 `[N, C]` of clicks grouped by session."""
        named = [self._ranked(name, values) for name, values in _names(examples).items()]
        return np.column_stack([examples.features[:, _DENSE], *named, *_past(examples)]).astype(np.float32)

    def _ranked(self, name: str, values: NDArray[np.generic]) -> NDArray[np.float64]:
        known = self.ranks[name]
        found, inverse = np.unique(values, return_inverse=True)
        ranks = np.array([known.get(str(value), len(known)) for value in found.tolist()], dtype=np.float64)
        return ranks[inverse]


def _names(examples: Examples) -> dict[str, NDArray[np.generic]]:
    codes = examples.codes
    page = np.where(items(codes) == 0, codes["item"], np.uint64(0))
    country = examples.features[:, _COUNTRIES].argmax(1)
    return {"item": items(codes), "page": page, "category": codes["category"], "country": country}


def _past(examples: Examples) -> list[NDArray[np.float64]]:
    """This event, and the events and dwells of clicks before it in the session; -1 where there were none."""
    event, dwell = (examples.codes[name].astype(np.float64) for name in ("event", "dwell"))
    rank, columns = rank_in_group(examples.session), [event]
    for back in range(1, BACK + 1):
        there = rank >= back
        columns += [np.where(there, np.roll(values, back), -1) for values in (event, dwell)]
    return columns


class Baselines:
    """The trained baselines, as JSON can carry them."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self._models: dict[str, Callable[[Examples], Chances]] = {"base_rate": self._rate}
        if "trees" in state:
            self._models["lightgbm"] = self._trees
            self._models["logistic_regression"] = self._logistic
            self._models["naive_bayes"] = self._bayes

    @classmethod
    def learn(cls, train: Examples, valid: Examples) -> "Baselines":
        """Learn from `train`; thresholds with the best F1 come from `valid`."""
        train = train.grouped()
        judged, labels = train.judged, train.buys[train.judged]
        state: dict[str, Any] = {"rate": float(labels.mean())}
        # Of one class only the base rate can be learned.
        if 0 < labels.sum() < len(labels):
            table = Table().fit(train)
            state |= {
                "ranks": table.ranks,
                "trees": _boosted(table(train)[judged], labels),
                "linear": _linear(train.features[judged], labels),
            }
        made = cls(state)
        valid = valid.grouped()
        wanted = valid.buys[valid.judged]
        chances = made.chances(valid)
        state["thresholds"] = {
            name: metrics.best_threshold(found[valid.judged], wanted) for name, found in chances.items()
        }
        return made

    def chances(self, grouped: Examples) -> dict[str, Chances]:
        """Purchase probabilities [N] by baseline, of clicks grouped by session."""
        return {name: model(grouped) for name, model in self._models.items()}

    def _rate(self, examples: Examples) -> Chances:
        return np.full(len(examples), self.state["rate"], dtype=np.float32)

    def _trees(self, examples: Examples) -> Chances:
        booster = lightgbm.Booster(model_str=self.state["trees"])
        found: Chances = booster.predict(Table(self.state["ranks"])(examples)).astype(np.float32)
        return found

    def _logistic(self, examples: Examples) -> Chances:
        linear = self.state["linear"]
        inputs = (examples.features - np.array(linear["mean"])) / np.array(linear["std"])
        return _sigmoid(inputs @ np.array(linear["weights"]) + linear["bias"])

    def _bayes(self, examples: Examples) -> Chances:
        linear = self.state["linear"]
        inputs = (examples.features - np.array(linear["mean"])) / np.array(linear["std"])
        means, variances = np.array(linear["class_means"]), np.array(linear["class_variances"])
        fits = [
            np.log(prior) - (np.log(variance) + (inputs - mean) ** 2 / variance).sum(1) / 2
            for prior, mean, variance in zip(linear["priors"], means, variances, strict=True)
        ]
        return _sigmoid(fits[1] - fits[0])


def _sigmoid(logits: NDArray[np.float64]) -> Chances:
    return (1 / (1 + np.exp(-np.clip(logits, -30, 30)))).astype(np.float32)


def _boosted(columns: NDArray[np.float32], labels: NDArray[np.bool_]) -> str:
    data = lightgbm.Dataset(columns, labels.astype(np.float32))
    text: str = lightgbm.train(TREES, data, ROUNDS).model_to_string()
    return text


def _linear(features: NDArray[np.float32], labels: NDArray[np.bool_]) -> dict[str, Any]:
    """Logistic regression and Gaussian naive Bayes on the normalised feature row."""
    mean, std = features.mean(0), np.maximum(features.std(0), 1e-3)
    # A category's number says nothing by its size.
    std[POSITION] = 1e9
    inputs = (features - mean) / std
    line = LogisticRegression(C=0.1, max_iter=100, tol=1e-3).fit(inputs, labels)
    bayes = GaussianNB(var_smoothing=1e-2).fit(inputs, labels)
    return {
        "mean": mean.tolist(),
        "std": std.tolist(),
        "weights": line.coef_[0].tolist(),
        "bias": float(line.intercept_[0]),
        "priors": bayes.class_prior_.tolist(),
        "class_means": bayes.theta_.tolist(),
        "class_variances": bayes.var_.tolist(),
    }
