"""The worth of one shop's version on another shop's log: without training, and as a start with few sessions.

Zero-shot: the unchanged version answers the other shop's newest clicks. Few-shot: a network is trained on
some of the newest sessions before them: from scratch, from the version, and from the version with a frozen
encoder.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from models.registry.versions import Version
from models.scoring.scorer import NeuralScorer
from trainer.evaluation.evaluate import Evaluation, judge
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.loop.options import Options
from trainer.loop.progress import Report
from trainer.training.learn import learn
from trainer.training.training_inputs import TrainingInputs

#: Shares of the other shop's clicks, by time: to train on, and to judge on.
SHARES = (0.7, 0.3)
#: Shares of the training clicks: to train on, and for early stopping and calibration.
STOPPED_BY = (0.8, 0.2)


class Transferred(NamedTuple):
    """Figures on the later clicks of one way with one number of training sessions."""

    sessions: int
    way: str
    judged: Evaluation


def transfer(
    version: Version, log: Examples, sizes: Sequence[int], options: Options, report: Report
) -> Iterator[Transferred]:
    """Judge each way on the log's newest clicks. Raises ExamplesError for a log that is too short.

    `options` must have the version's network form (`trainer.fitting.warm_start`) and an empty `freeze`.
    """
    pool, later = split(log, SHARES)
    yield Transferred(0, "zero-shot", judge(version.neural, later))
    ways: dict[str, tuple[Version | None, tuple[str, ...]]] = {
        "from scratch": (None, ()),
        "from the version": (version, ()),
        "from the version, encoder frozen": (version, ("encoder",)),
    }
    for size in sizes:
        train, valid = split(_newest(pool, size), STOPPED_BY)
        for way, (start, freeze) in ways.items():
            learned = learn(
                TrainingInputs(train, valid, replace(options, freeze=freeze), report, start=start)
            )
            scorer = NeuralScorer(learned.network, learned.words, "trial", 1)
            yield Transferred(size, way, judge(scorer, later))


def _newest(examples: Examples, count: int) -> Examples:
    """The sessions that began last."""
    sessions, first = np.unique(examples.session, return_index=True)
    chosen = sessions[np.argsort(examples.ts[first], kind="stable")[-count:]]
    return examples.part(np.isin(examples.session, chosen))
