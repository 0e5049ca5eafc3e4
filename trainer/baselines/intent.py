"""Baselines for purchase intent without a sequence network: their table, and training all of them."""

from typing import Any

import numpy as np

from models import quality_metrics
from models.features.vocabulary import Vocabulary
from trainer.baselines import bayes, constant, logistic, next_items, trees
from trainer.baselines.baseline_kinds import Baseline, Probabilities, State
from trainer.baselines.checks import finite
from trainer.baselines.network_baselines import Elman, NetworkBaseline, Perceptron
from trainer.examples.examples import Examples

_MLP, _RNN = NetworkBaseline(Perceptron), NetworkBaseline(Elman)
#: To add a baseline, add one entry here; it also says whether the baseline can block a promotion.
INTENT: dict[str, Baseline] = {
    "base_rate": Baseline(constant.base_rate, constant.predict, blocks=True, needs_both=False),
    "majority_class": Baseline(
        constant.majority, constant.predict, blocks=False, needs_both=False, threshold=0.5
    ),
    "naive_bayes": Baseline(bayes.learn, bayes.predict, blocks=False, refit=bayes.refit),
    "logistic_regression": Baseline(logistic.learn, logistic.predict, blocks=False),
    "mlp": Baseline(_MLP.learn, _MLP.predict, blocks=False, refit=_MLP.refit),
    "rnn": Baseline(_RNN.learn, _RNN.predict, blocks=False, refit=_RNN.refit),
    "lightgbm": Baseline(trees.learn, trees.predict, blocks=False, refit=trees.refit),
}


class Baselines:
    """The trained baselines. `state` holds JSON values and arrays and is stored with a version."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    @classmethod
    def learn(
        cls,
        train: Examples,
        valid: Examples,
        words: Vocabulary | None = None,
    ) -> "Baselines":
        """Train all baselines on `train`; what must be chosen, such as thresholds with the best F1, is chosen
        on `valid`.

        With a vocabulary, the sessions for next-item baselines are kept as well. Raises BaselineError for
        features that are not finite.
        """
        train, valid = train.grouped(), valid.grouped()
        finite(train.features, "features")
        finite(valid.features, "features")
        labels = train.buys[train.judged]
        # With one class only the base rate can be trained.
        both = 0 < labels.sum() < len(labels)
        names = [name for name, kind in INTENT.items() if both or not kind.needs_both]
        states = {name: INTENT[name].learn(train, valid) for name in names}
        baselines = cls({"intent": states})
        baselines.state["thresholds"] = baselines._thresholds(valid)
        if words is not None:
            baselines.state["next_item"] = next_items.learn(train, words)
        return baselines

    def refit(self, every: Examples, words: Vocabulary | None = None) -> "Baselines":
        """The same baselines trained on all clicks; what validation chose stays."""
        every = every.grouped()
        finite(every.features, "features")
        states = {name: _refitted(INTENT[name], state, every) for name, state in self.state["intent"].items()}
        sessions = {"next_item": next_items.learn(every, words)} if words is not None else {}
        return Baselines(self.state | {"intent": states} | sessions)

    def _thresholds(self, valid: Examples) -> dict[str, float]:
        judged, labels = valid.judged, valid.buys[valid.judged]
        best = {
            name: quality_metrics.best_threshold(probabilities[judged], labels)
            for name, probabilities in self.predict(valid).items()
        }
        fixed = {name: at for name in best if (at := INTENT[name].threshold) is not None}
        return best | fixed

    def predict(self, grouped: Examples) -> dict[str, Probabilities]:
        """Purchase probabilities `[N]` by baseline, for clicks grouped by session.

        Raises BaselineError for features that are not finite.
        """
        finite(grouped.features, "features")
        if not len(grouped):
            return {name: np.zeros(0, dtype=np.float32) for name in self.state["intent"]}
        return {
            name: kind.predict(self.state["intent"][name], grouped)
            for name, kind in INTENT.items()
            if name in self.state["intent"]
        }


def _refitted(kind: Baseline, state: State, every: Examples) -> State:
    return kind.refit(state, every) if kind.refit else kind.learn(every, every)
