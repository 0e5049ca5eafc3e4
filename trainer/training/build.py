"""Builds a whole model version from examples: vocabulary, network, session index, popularity, base rates."""

from dataclasses import asdict, replace

from models import quality_metrics
from models.registry.registry import Parts
from models.scoring.scores import Scorer
from models.scoring.session_index import NeighbourSettings
from trainer.evaluation.evaluate import answers, judge_all, tiers
from trainer.examples.examples import Examples
from trainer.fitting.fit import Journal, Report
from trainer.loop.learning_curve import picture
from trainer.loop.options import Options
from trainer.training import blending, head_trees, refit, stacking
from trainer.training.learn import Learned, learn
from trainer.training.log_counts import index, rates
from trainer.training.training_inputs import TrainingInputs


def build(
    train: Examples,
    valid: Examples,
    options: Options,
    report: Report,
    journal: Journal | None = None,
) -> Parts:
    """A version trained as `options` say; its metrics are those on `valid` before the refit on all clicks.

    Raises what `learn` raises.
    """
    inputs = TrainingInputs(train, valid, options, report, journal or Journal())
    first = learn(inputs)
    again = refit.refit(first, inputs)
    parts = choose(first, inputs, left(options, first, again))
    return refit.refitted(parts, again) if again else parts


def left(options: Options, first: Learned, again: refit.Refit | None) -> float:
    """Seconds of the time budget that the training and its refit have left."""
    return options.seconds * options.networks - first.seconds - (again.learned.seconds if again else 0.0)


def choose(first: Learned, inputs: TrainingInputs, seconds: float = 0.0) -> Parts:
    """A version of what was learned from `inputs.train`; metrics are the serving scorers' on `inputs.valid`.

    `seconds` are left for trainings that judge earlier parts of the log (`stacking.learn`).
    """
    train, valid, options = inputs.train, inputs.judged_on, inputs.options
    settings, clicks = NeighbourSettings(), {"train": len(train), "valid": len(valid)}
    parts = Parts(
        network=first.network,
        vocabulary=first.words,
        index=index(train, first.words, settings),
        settings=settings,
        popularity=first.weights,
        rates=rates(train),
        metrics=first.metrics | {"options": asdict(options), "clicks": clicks},
        curve=picture(inputs.journal.curve),
    )
    if options.trees == "learn":
        forest, metrics = stacking.learn(first, inputs, seconds)
        parts = replace(parts, forest=forest, metrics=parts.metrics | metrics)
        parts = head_trees.chosen(parts, train, valid, options)
    if options.blend == "learn":
        parts = replace(parts, blend=blending.learn(parts, valid))
    scorers = tiers(parts)
    judged = {"threshold": _threshold(scorers["neural"], valid)} | judge_all(scorers, valid)
    return replace(
        parts, metrics=parts.metrics | judged | {"blend": asdict(parts.blend) if parts.blend else None}
    )


def _threshold(scorer: Scorer, valid: Examples) -> float:
    """The purchase probability above which "buys" has the best F1 on validation."""
    grouped = valid.grouped()
    judged = grouped.judged
    return quality_metrics.best_threshold(answers(scorer, grouped).purchase[judged], grouped.buys[judged])
