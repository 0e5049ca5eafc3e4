"""The table of kinds that can be trained, each with its learner: one line and one function each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.policies.head_kinds import make_head
from models.policies.policy_files import HeadDescription
from models.policies.policy_heads import PolicyHeadInputs
from trainer.policies.deep_q import DeepQSettings, fit_deep_q
from trainer.policies.learning_data import LearningData
from trainer.policies.policy_settings import PolicySettings
from trainer.policies.posterior import fit_posterior
from trainer.policies.reward_model import fit_rewards
from trainer.policies.sequence_judge import judge_of
from trainer.policies.temperature import choose_temperature
from trainer.policies.uplift_model import fit_uplifts

Tensors = dict[str, NDArray[Any]]
Fitted = tuple[dict[str, float], Tensors]


@dataclass(frozen=True)
class LearnedHead:
    """A trained head with its tensors."""

    description: HeadDescription
    tensors: Tensors


def learn_head(kind: str, data: LearningData, settings: PolicySettings) -> LearnedHead:
    """Train one head of the table; its temperature is chosen on the validation part unless it is set."""
    fit = LEARNERS[kind]
    if kind in TEMPERED and settings.temperature is None:
        settings = replace(settings, temperature=_temperature(kind, data, settings))
    values, tensors = fit(data, settings)
    return LearnedHead(HeadDescription(kind, values), tensors)


def _temperature(kind: str, data: LearningData, settings: PolicySettings) -> float:
    """Of a head trained on the first part of the log, judged on the last."""
    train, valid = data.split()
    values, tensors = LEARNERS[kind](train, replace(settings, temperature=1.0))

    def shares(temperature: float) -> NDArray[np.float64]:
        head = make_head(kind, _inputs({**values, "temperature": temperature}, tensors, valid))
        return head.shares(head.scores(valid.contexts, valid.inputs), valid.decisions.mask)

    head = make_head(kind, _inputs(values, tensors, valid))
    scores = head.scores(valid.contexts, valid.inputs)
    return choose_temperature(scores, shares, valid, fit_rewards(train))


def _inputs(values: Mapping[str, float], tensors: Tensors, data: LearningData) -> PolicyHeadInputs:
    known = np.zeros(len(data.rows), dtype=np.bool_)
    return PolicyHeadInputs(
        values, tensors, data.rows, known, data.columns, data.inputs.shape[1], data.none, None
    )


def _softmax(data: LearningData, settings: PolicySettings) -> Fitted:
    return {"temperature": settings.tempered}, {"weights": fit_rewards(data).weights}


def _uplift(data: LearningData, settings: PolicySettings) -> Fitted:
    values = {"temperature": settings.tempered, "margin": settings.margin}
    return values, {"weights": fit_uplifts(data)}


def _thompson(data: LearningData, settings: PolicySettings) -> Fitted:
    posterior = fit_posterior(data, settings.head, settings.prior)
    own = posterior.variance() / posterior.prior
    return {"prior": posterior.prior, "own_variance": own}, posterior.tensors()


def _ucb(data: LearningData, settings: PolicySettings) -> Fitted:
    values, tensors = _thompson(data, settings)
    return {**values, "optimism": settings.optimism, "temperature": settings.tempered}, tensors


def _dqn(data: LearningData, settings: PolicySettings) -> Fitted:
    chosen = DeepQSettings(settings.gamma, settings.horizon, settings.alpha, settings.steps)
    values = {"gamma": settings.gamma, "horizon": float(settings.horizon), "alpha": settings.alpha}
    spread = float(data.decisions.reward.std()) or 1.0
    # Values of sequences cannot be judged decision by decision, so no temperature is chosen for them.
    values["temperature"] = settings.temperature if settings.temperature is not None else spread * GREEDY
    found = fit_deep_q(data, chosen, settings.seed, settings.device, _sequence_value(values, data))
    return {**values, "backups": float(found.backups)}, found.tensors


def _sequence_value(values: Mapping[str, float], data: LearningData) -> Callable[[Tensors], float] | None:
    """Values tensors of the kind `dqn` as they would be served; None where the log has no sequences."""
    judge = judge_of(data, values["gamma"])
    if judge is None:
        return None

    def value(tensors: Tensors) -> float:
        head = make_head("dqn", _inputs(values, tensors, data))
        return judge.value(head.shares(head.scores(data.contexts, data.inputs), data.decisions.mask))

    return value


def _fixed(_data: LearningData, _settings: PolicySettings) -> Fitted:
    return {}, {}


#: Temperature of the kind `dqn` in deviations of the reward: nearly the best action alone.
GREEDY: Final = 0.02
#: Kinds whose temperature is chosen on the validation part.
TEMPERED: Final = ("softmax", "uplift", "ucb")
LEARNERS: Final[Mapping[str, Callable[[LearningData, PolicySettings], Fitted]]] = {
    "softmax": _softmax,
    "uplift": _uplift,
    "ucb": _ucb,
    "thompson": _thompson,
    "dqn": _dqn,
    "rules": _fixed,
    "uniform": _fixed,
}
