"""The verdict at the end of a training: which answers are good enough to publish, and what would help."""

from typing import Any

import numpy as np

from models.registry.registry import Parts
from trainer.evaluation import worth, worth_text
from trainer.loop.progress import STAGE, best
from trainer.training.training_inputs import TrainingInputs

#: Key in a version's metrics of the verdict; its `said` are sentences.
VERDICT = "verdict"


def verdict(parts: Parts, inputs: TrainingInputs) -> dict[str, Any]:
    """The verdict as entries of a version's metrics, before the refit on the newest clicks."""
    figures = worth.judge_answers(
        parts, inputs.train, inputs.judged_on, inputs.options.publish_heads == "all"
    )
    points = [point for point in inputs.journal.curve if point.stage == STAGE]
    bought = len(np.unique(inputs.train.session[inputs.train.buys]))
    lines = worth_text.sentences(figures | parts.metrics)
    lines += worth_text.advice(figures, bought, len(points), 1 + best(points).epoch) if points else []
    heads = {worth.HEADS: figures[worth.HEADS]} if worth.HEADS in figures else {}
    return heads | {VERDICT: {"said": lines, worth.INTENT: figures[worth.INTENT]}}
