"""The baselines stored with a version for `pathcast evaluate`, trained on the clicks that it learned from."""

from dataclasses import replace

from models.registry.registry import Parts
from trainer.baselines import Baselines
from trainer.evaluation import head_baselines
from trainer.loop.targets import HeadPlan
from trainer.training.refit import Refit
from trainer.training.training_inputs import TrainingInputs


def with_baselines(parts: Parts, inputs: TrainingInputs, again: Refit | None) -> Parts:
    """The version with its baselines; `again` is the refit if there was one."""
    words = None if again else parts.vocabulary
    baselines = Baselines.learn(inputs.train, inputs.judged_on, words)
    baselines = baselines.refit(again.every, parts.vocabulary) if again else baselines
    every = again.every if again else inputs.train
    heads = head_baselines.learn(every, HeadPlan.of(parts.network.config))
    return replace(parts, baselines=baselines.state | {"heads": heads})
