"""Trees beside the network in purchase intent, or in its place: learned, judged and calibrated together."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.features.vocabulary import Vocabulary
from models.network.network import Network
from models.scoring.forest import Forest
from trainer.baselines import bagged_trees
from trainer.baselines.baseline_kinds import State
from trainer.examples.examples import Examples
from trainer.fitting import stack_choice
from trainer.fitting.calibrate import by_band
from trainer.fitting.losses import validate
from trainer.fitting.stack_choice import JudgedLogits
from trainer.loop.data import prepare
from trainer.loop.options import Options
from trainer.training import earlier_origins
from trainer.training.learn import Learned
from trainer.training.training_inputs import TrainingInputs

#: Key in a version's metrics of how network, trees and both were judged.
STACKING = "stacking"


class Stacked(NamedTuple):
    """The trees that serve, None if the network serves alone, and entries for a version's metrics."""

    forest: Forest | None
    metrics: dict[str, Any]


def learn(first: Learned, inputs: TrainingInputs, seconds: float = 0.0) -> Stacked:
    """Trees trained on the training clicks; they serve with the network, alone, or not, as validation and
    earlier parts of the log say. `seconds` are left for the trainings of earlier parts.

    The network's calibration becomes that of what serves. No trees for clicks of one class.
    """
    train, valid = inputs.train, inputs.judged_on
    if not (earlier_origins.both_classes(train) and earlier_origins.both_classes(valid)):
        return Stacked(None, {})
    exponent = inputs.options.session_exponent
    state = bagged_trees.learn(train.grouped(), valid.grouped(), exponent)
    newest = _logits(first, _alone(state), valid, inputs.options, 0)
    trial = stack_choice.judged(stack_choice.joined([newest, *_earlier(first, inputs, state, seconds)]))
    metrics = {STACKING: trial.told()}
    if trial.serves == "network":
        return Stacked(None, metrics)
    forest = Forest(state | {"weights": list(trial.served_weights)})
    calibrate(first.network, first.words, forest, valid, inputs.options)
    return Stacked(forest, metrics)


def _earlier(first: Learned, inputs: TrainingInputs, state: State, seconds: float) -> Iterator[JudgedLogits]:
    """The logits of earlier parts, by network and trees that learned from the clicks before."""
    found = earlier_origins.learned(first, inputs, seconds)
    for number, (network, older, part) in enumerate(found, start=1):
        trees = _alone(bagged_trees.refit(state, older.grouped()))
        yield _logits(network, trees, part, inputs.options, number)


def _alone(state: State) -> Forest:
    return Forest(state | {"weights": [0.0, 1.0]})


def _logits(learned: Learned, trees: Forest, part: Examples, options: Options, number: int) -> JudgedLogits:
    judged = part.grouped()
    chosen = judged.judged
    own = _own(learned.network, learned.words, judged, options)[chosen]
    said = trees.of(judged.batch())[chosen].astype(np.float32)
    numbers = np.full(len(own), number, dtype=np.int64)
    return JudgedLogits(own, said, judged.buys[chosen], judged.visitor[chosen], numbers)


def calibrate(network: Network, words: Vocabulary, forest: Forest, valid: Examples, options: Options) -> None:
    """Set the network's calibration to that of network and trees together, on validation clicks."""
    judged = valid.grouped()
    chosen = judged.judged
    own = _own(network, words, judged, options)
    together = (forest.network * own + forest.trees * forest.of(judged.batch())).astype(np.float32)[chosen]
    labels, position = judged.buys[chosen].astype(np.float32), judged.position[chosen]
    network.calibration.copy_(by_band(together, labels, position))


def _own(network: Network, words: Vocabulary, judged: Examples, options: Options) -> NDArray[np.float32]:
    """The network's logits [N] of grouped clicks."""
    logits = validate(network, prepare(judged, words, options.longest), options.clicks_per_batch).logits
    network.eval()
    return logits
