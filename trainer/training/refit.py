"""Everything learned once more from the whole log, when validation has chosen all there is to choose.

What stops and calibrates a training is the newest part of its log, which says most about what comes next: a
version that has not learned from it knows neither its items nor its sessions. How long to learn, how to
calibrate, what network, trees and neighbours weigh, and from which probability on "buys" is said stay as they
were chosen (Goodfellow, Bengio, Courville 2016, "Deep learning", 7.8: early stopping, then all the data).
"""

from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np

from models.network.network import Network
from models.registry.registry import Parts
from models.scoring.forest import Forest
from trainer.baselines import trees
from trainer.examples.examples import Examples
from trainer.fitting import rating_means
from trainer.fitting.head_losses import calibrate_like
from trainer.loop.progress import Report
from trainer.training.learn import Learned, learn
from trainer.training.log_counts import index, rates
from trainer.training.training_inputs import TrainingInputs

#: Where a version says so in its metrics.
REFIT = "learned again"
#: What progress calls it.
STAGE = "learning again"


class Refit(NamedTuple):
    """What was learned from the whole log, and the log."""

    learned: Learned
    every: Examples


def together(older: Examples, newer: Examples) -> Examples:
    """Two parts of one log, in order of time."""
    names = [field.name for field in fields(older) if isinstance(getattr(older, field.name), np.ndarray)]
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(older, name), getattr(newer, name)]) for name in names
    }
    return replace(older, **joined).part(np.argsort(joined["ts"], kind="stable"))


def refit(first: Learned, inputs: TrainingInputs) -> Refit | None:
    """Learn from both parts for as many epochs as was best; to be calibrated as `first` is.

    None where that is not asked for, and where the time budget has not enough left. Raises what `learn` does.
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
    """Tells of a run as learning again."""
    return lambda at: report(at._replace(stage=STAGE))


def refitted(parts: Parts, made: Refit) -> Parts:
    """The version with all that it knows of the log from the whole log; what was chosen stays."""
    learned, every = made
    _calibrate_like(learned.network, parts.network)
    said = learned.said | {REFIT: {"clicks": len(every), "epochs": learned.epochs[0]}}
    return replace(
        parts,
        network=learned.network,
        vocabulary=learned.words,
        index=index(every, learned.words, parts.settings),
        popularity=learned.weights,
        rates=rates(every),
        forest=Forest(trees.refit(parts.forest.state, every.grouped())) if parts.forest else None,
        metrics=parts.metrics | said,
    )


def _calibrate_like(network: Network, other: Network) -> None:
    network.calibration.copy_(other.calibration)
    if network.tasks is not None and other.tasks is not None:
        calibrate_like(network.tasks, other.tasks)
    rating_means.calibrate_like(network, other)
