"""Stacking: weights of trees and network in purchase intent, learned on validation data."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.features.vocabulary import Vocabulary
from models.network.network import Network
from models.scoring.forest import Forest
from trainer.baselines import trees
from trainer.baselines.baseline_kinds import State
from trainer.examples.examples import Examples
from trainer.fitting.calibrate import by_band, platt
from trainer.fitting.losses import validate
from trainer.loop.data import prepare
from trainer.loop.options import Options

Logits = NDArray[np.float32]
#: Share of the validation log loss that trees must save to be kept: they cost time at every click.
WORTH = 0.002
#: Weight that shrinks both weights towards one half: validation has few buyers.
PULL = 10.0


def learn(
    network: Network, words: Vocabulary, train: Examples, valid: Examples, options: Options
) -> Forest | None:
    """Trees trained on the training clicks and weighted on the validation clicks; None if they save too
    little.

    The network's calibration becomes that of both together. None for clicks of one class.
    """
    learned, judged = train.grouped(), valid.grouped()
    chosen = judged.judged
    bought = judged.buys[chosen]
    if not (_both(learned.buys[learned.judged]) and _both(bought)):
        return None
    state = trees.learn(learned, judged)
    own, trees_logits = _both_logits(network, words, state, judged, options)
    weights = weighed(own, trees_logits, bought)
    together = _summed(weights, own, trees_logits)
    if min(weights) <= 0 or _loss(together, bought) > (1 - WORTH) * _loss(own, bought):
        return None
    forest = Forest(state | {"weights": weights})
    _calibrate(network, together, judged)
    return forest


def calibrate(network: Network, words: Vocabulary, forest: Forest, valid: Examples, options: Options) -> None:
    """Set the network's calibration to that of network and trees together, on validation clicks."""
    judged = valid.grouped()
    own, trees_logits = _both_logits(network, words, forest.state, judged, options)
    _calibrate(network, _summed([forest.network, forest.trees], own, trees_logits), judged)


def _calibrate(network: Network, together: Logits, judged: Examples) -> None:
    """Fit the network's calibration to logits of the judged clicks."""
    chosen = judged.judged
    labels, position = judged.buys[chosen].astype(np.float32), judged.position[chosen]
    network.calibration.copy_(by_band(together, labels, position))


def _both_logits(
    network: Network, words: Vocabulary, state: State, judged: Examples, options: Options
) -> tuple[Logits, Logits]:
    """Logits of network and trees for the judged clicks."""
    data, chosen = prepare(judged, words, options.longest), judged.judged
    own = validate(network, data, options.clicks_per_batch).logits[chosen]
    return own, trees.logits(state, judged)[chosen].astype(np.float32)


def _summed(weights: Sequence[float], own: Logits, trees_logits: Logits) -> Logits:
    return (weights[0] * own + weights[1] * trees_logits).astype(np.float32)


def weighed(own: Logits, trees_logits: Logits, bought: NDArray[np.bool_]) -> list[float]:
    """Weights of both logits [N] with the lowest log loss; calibration fits the intercept later."""
    design = np.column_stack([own, trees_logits, np.ones(len(own))]).astype(np.float64)
    towards = np.array([0.5, 0.5, 0.0])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = design @ weights
        chances = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
        pulled = PULL * (weights - towards)
        total = (np.logaddexp(0, logits) - bought * logits).sum() + pulled @ (weights - towards) / 2
        return float(total), design.T @ (chances - bought) + pulled

    fit = minimize(loss, towards, jac=True, method="L-BFGS-B", bounds=[(0, 10), (0, 10), (None, None)])
    return [round(float(weight), 4) for weight in fit.x[:2]]


def _loss(logits: Logits, bought: NDArray[np.bool_]) -> float:
    """Mean log loss of logits at their best scale and shift."""
    scale, shift = platt(logits, bought.astype(np.float32))
    best = scale * logits.astype(np.float64) + shift
    return float((np.logaddexp(0, best) - bought * best).mean())


def _both(labels: NDArray[np.bool_]) -> bool:
    return bool(0 < labels.sum() < len(labels))
