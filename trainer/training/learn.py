"""Trains a network on a log, with teachers if the options ask for them."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.features.vocabulary import Vocabulary
from models.network.network import Network
from trainer.examples.examples import Examples
from trainer.fitting import rating_means
from trainer.fitting.distillation import distilled, own
from trainer.fitting.fit import fit, initial
from trainer.fitting.head_losses import initialise
from trainer.fitting.warm_start import Frozen, begin
from trainer.logs.lineage import LEARNED_UNTIL, began, learned_until
from trainer.loop import distributed
from trainer.loop.data import Data, prepare
from trainer.loop.options import Options
from trainer.loop.progress import best
from trainer.loop.run_log import Journal
from trainer.loop.targets import NO_HEADS, HeadPlan, plan
from trainer.training.log_counts import vocabulary
from trainer.training.training_inputs import TrainingInputs


class Learned(NamedTuple):
    """A trained network, its vocabulary, and the items' weights `[V]`; `metrics` are entries for a version's
    metrics.

    `epochs` is the number of epochs behind the weights of each trained network (`distillation.own`),
    `seconds` the time of all together.
    """

    network: Network
    words: Vocabulary
    weights: NDArray[np.int64]
    metrics: dict[str, Any]
    epochs: tuple[int, ...]
    seconds: float


def learn(inputs: TrainingInputs, first: Learned | None = None) -> Learned:
    """Train as `inputs` say.

    Without `valid`, each network trains for as many epochs as the networks of `first`, has the same heads,
    and is not calibrated.

    Raises WarmStartError and CheckpointError.
    """
    training = _Training.of(inputs, first)
    if inputs.options.teacher_width:
        # Raises errors of the kept network's start before its teachers are trained.
        training.begun(training.data, 0)
    network = distilled(training.member, training.data, inputs.options)
    seconds = distributed.first_says(sum(one.seconds for one in training.journals))
    words, weights = training.words, training.weights
    return Learned(network.cpu(), words, weights, training.metrics(), training.epochs(), seconds)


@dataclass
class _Training:
    """A training in progress: one network, or its teachers first. `known` is the number of items known from
    the start version.
    """

    inputs: TrainingInputs
    first: Learned | None
    words: Vocabulary
    weights: NDArray[np.int64]
    planned: HeadPlan
    data: Data
    judged_on: Data | None
    journals: list[Journal]
    known: int = 0

    @classmethod
    def of(cls, inputs: TrainingInputs, first: Learned | None) -> "_Training":
        """Prepare the training data of the networks."""
        train, options = inputs.train, inputs.options
        journals = [inputs.journal.of(number) for number in range(options.networks)]
        words, weights = vocabulary(train, content=inputs.content)
        planned = HeadPlan.of(first.network.config) if first else _plan(train, options)
        data = prepare(train, words, options.longest, planned, options.session_exponent)
        valid = inputs.valid
        judged_on = None if valid is None else prepare(valid, words, options.longest, planned)
        return cls(inputs, first, words, weights, planned, data, judged_on, journals)

    def begun(self, data: Data, number: int) -> tuple[Network, Frozen]:
        """An untrained network, or one with the start version's weights, and what of it is frozen."""
        inputs, mine = self.inputs, own(self.inputs.options, number)
        vectors = inputs.content.vectors if inputs.content else None
        network = initial(self.words, self.weights, data, mine, self.planned, vectors)
        if network.tasks is not None and data.tasks is not None:
            initialise(network.tasks, inputs.train.grouped())
            rating_means.learn(network, inputs.train.grouped(), data)
        source = None if number and inputs.options.teacher_width else inputs.start
        self.known, frozen = begin(network, self.words, source, mine.freeze)
        return network, frozen

    def member(self, data: Data, number: int) -> Network:
        """A trained network; number 0 is the one that is kept."""
        network, frozen = self.begun(data, number)
        how = own(self.inputs.options, number)
        how = replace(how, epochs=self.first.epochs[number]) if self.first else how
        return fit(network, data, self.judged_on, how, self.inputs.report, self.journals[number], frozen)

    def metrics(self) -> dict[str, Any]:
        """What a version's metrics say of its training."""
        start, train = self.inputs.start, self.inputs.train
        until = max(began(train), learned_until(start.metrics) if start else 0)
        metrics: dict[str, Any] = {LEARNED_UNTIL: until}
        if start:
            started_from = {"version": start.id, "known items": self.known, "items": len(self.words.ids)}
            metrics["started from"] = started_from
        return metrics

    def epochs(self) -> tuple[int, ...]:
        """Epochs of each network: up to the best one, or all of them if there was no validation."""
        curves = [one.curve for one in self.journals]
        lasted = [best(curve).epoch if self.judged_on else curve[-1].epoch for curve in curves]
        return tuple(1 + int(distributed.first_says(epoch)) for epoch in lasted)


def _plan(train: Examples, options: Options) -> HeadPlan:
    return plan(train, options.churn_days) if options.heads_weight else NO_HEADS
