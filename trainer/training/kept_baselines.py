"""The baselines stored with a version for `pathcast evaluate`, trained on the clicks that it learned from."""

from dataclasses import replace

from models.registry.registry import Parts
from trainer.baselines import Baselines
from trainer.baselines.baseline_kinds import State
from trainer.evaluation import head_baselines
from trainer.loop.targets import HeadPlan
from trainer.training.refit import Refit
from trainer.training.training_inputs import TrainingInputs


def with_baselines(parts: Parts, chosen: Parts, inputs: TrainingInputs, again: Refit | None) -> Parts:
    """The version with its baselines; `chosen` is the version before the refit, `again` the refit if there
    was one.
    """
    words = None if again else parts.vocabulary
    baselines = Baselines.learn(inputs.train, inputs.judged_on, words, _known(chosen))
    baselines = baselines.refit(again.every, parts.vocabulary, _known(parts)) if again else baselines
    every = again.every if again else inputs.train
    heads = head_baselines.learn(every, HeadPlan.of(parts.network.config))
    return replace(parts, baselines=baselines.state | {"heads": heads})


def _known(parts: Parts) -> dict[str, State]:
    """Baselines that are already part of a version."""
    return {"lightgbm": parts.forest.state} if parts.forest else {}
