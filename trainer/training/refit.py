"""Refit: train once more on the whole log, after validation has chosen all settings.

Early stopping and calibration use the newest part of a log, which resembles the future most. A version that
was not trained on it knows neither its items nor its sessions. The refit keeps what validation chose: the
number of epochs, the calibration, the weights of network, trees and neighbours, and the threshold of "buys"
(Goodfellow, Bengio, Courville 2016, "Deep learning", 7.8: early stopping, then all the data).
"""

from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np

from models.network.network import Network
from models.registry.registry import Parts
from models.scoring.forest import Forest
from trainer.baselines import bagged_trees
from trainer.examples.examples import Examples
from trainer.fitting import rating_means
from trainer.fitting.head_losses import calibrate_like
from trainer.loop.progress import Report
from trainer.training import head_trees
from trainer.training.learn import Learned, learn
from trainer.training.log_counts import index, rates
from trainer.training.training_inputs import TrainingInputs

#: Key in a version's metrics that describes its refit.
REFIT = "learned again"
#: Name of the stage in progress messages.
STAGE = "refit"


class Refit(NamedTuple):
    """What was learned from the whole log, and that log."""

    learned: Learned
    every: Examples


def together(older: Examples, newer: Examples) -> Examples:
    """Two parts of one log joined in order of time."""
    names = [field.name for field in fields(older) if isinstance(getattr(older, field.name), np.ndarray)]
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(older, name), getattr(newer, name)]) for name in names
    }
    return replace(older, **joined).part(np.argsort(joined["ts"], kind="stable"))


def refit(first: Learned, inputs: TrainingInputs) -> Refit | None:
    """Train on both parts for the best number of epochs; the caller copies the calibration of `first`.

    None if it is not requested, or if the time budget has too little left. Raises what `learn` raises.
    """
    train, valid, options = inputs.train, inputs.judged_on, inputs.options
    foreseen = first.seconds * (1 + (len(train) + len(valid)) / len(train))
    if not options.refit or foreseen > options.seconds * options.networks:
        return None
    every = together(train, valid)
    journal, report = inputs.journal.for_refit(), _named(inputs.report)
    return Refit(
        learn(replace(inputs, train=every, valid=None, report=report, journal=journal), first), every
    )


def _named(report: Report) -> Report:
    """Reports progress under the stage name of the refit."""
    return lambda at: report(at._replace(stage=STAGE))


def refitted(parts: Parts, refit_result: Refit) -> Parts:
    """The version with everything that depends on the log from the whole log; what validation chose stays."""
    learned, every = refit_result
    _calibrate_like(learned.network, parts.network)
    metrics = learned.metrics | {REFIT: {"clicks": len(every), "epochs": learned.epochs[0]}}
    made = replace(
        parts,
        network=learned.network,
        vocabulary=learned.words,
        index=index(every, learned.words, parts.settings),
        popularity=learned.weights,
        rates=rates(every),
        forest=Forest(bagged_trees.refit(parts.forest.state, every.grouped())) if parts.forest else None,
        metrics=parts.metrics | metrics,
    )
    return replace(made, head_forests=head_trees.refit(made, every.grouped()))


def _calibrate_like(network: Network, other: Network) -> None:
    network.calibration.copy_(other.calibration)
    if network.tasks is not None and other.tasks is not None:
        calibrate_like(network.tasks, other.tasks)
    rating_means.calibrate_like(network, other)
