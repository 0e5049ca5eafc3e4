"""From logged decisions to what a Q-network learns from: reward, and the decision that came after it."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.policies.learning_data import LearningData

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Transitions:
    """`n` decisions: inputs float32 [n, p], actions int64 [n], rewards float32 [n] in units of `scale`.

    `following` int64 [n] is the decision whose value continues the reward, `discount` its weight; where
    `goes_on` is false there is none. `allowed` bool [n, k].
    """

    inputs: Tensor
    action: Tensor
    reward: Tensor
    following: Tensor
    discount: Tensor
    goes_on: Tensor
    allowed: Tensor
    scale: float

    def on(self, device: str) -> "Transitions":
        """The same on a device."""
        names = ("inputs", "action", "reward", "following", "discount", "goes_on", "allowed")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


def transitions(data: LearningData, gamma: float, steps: int) -> Transitions:
    """Rewards of `steps` decisions are summed, discounted by `gamma`, within their trajectory."""
    decisions, following = data.decisions, followers(data.decisions)
    scale = float(decisions.reward.std()) or 1.0
    reward, at, discount = np.zeros(len(data)), np.arange(len(data)), np.ones(len(data))
    running = np.ones(len(data), dtype=np.bool_)
    for _ in range(max(1, steps)):
        reward += running * discount * decisions.reward[at] / scale
        discount = np.where(running, discount * gamma, discount)
        after = np.where(running, following[at], -1)
        running &= after >= 0
        at = np.where(running, after, at)
    return Transitions(
        torch.from_numpy(data.inputs).float(),
        torch.from_numpy(decisions.action.copy()),
        torch.from_numpy(reward).float(),
        torch.from_numpy(at),
        torch.from_numpy(discount).float(),
        torch.from_numpy(running),
        torch.from_numpy(_allowed(decisions)),
        scale,
    )


def followers(decisions: LoggedDecisions) -> Ints:
    """The next decision of the same trajectory by `step`, -1 for the last; -1 without trajectories."""
    following = np.full(len(decisions), -1, dtype=np.int64)
    if decisions.trajectory is None:
        return following
    step = decisions.step if decisions.step is not None else decisions.ts
    step = np.arange(len(decisions)) if step is None else step
    order = np.lexsort((step, decisions.trajectory))
    same = decisions.trajectory[order[1:]] == decisions.trajectory[order[:-1]]
    following[order[:-1][same]] = order[1:][same]
    return following


def _allowed(decisions: LoggedDecisions) -> NDArray[np.bool_]:
    """The action taken was allowed, whatever the log says of it."""
    allowed = decisions.mask.copy()
    allowed[np.arange(len(decisions)), decisions.action] = True
    return allowed
