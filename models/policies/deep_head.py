"""The kind `dqn`: a network with dueling heads gives the value of each action, softmax its share.

Double DQN (van Hasselt et al. 2016), dueling heads (Wang et al. 2016), trained with a conservative term
(Kumar et al. 2020, *Conservative Q-Learning for Offline Reinforcement Learning*) by
`trainer.policies.deep_q`. The advantage is bilinear in the state and an action's features.
"""

from itertools import count

import numpy as np

from models.policies import score_kernels
from models.policies.linear_head import SoftmaxShares, action_weights, check_width
from models.policies.policy_heads import Floats, PolicyHeadInputs


class DeepHead(SoftmaxShares):
    """Softmax over values."""

    def __init__(self, given: PolicyHeadInputs) -> None:
        super().__init__(given.settings["temperature"])
        tensors = given.tensors
        self._layers: list[tuple[Floats, Floats]] = []
        for number in count():
            if f"layer{number}" not in tensors:
                break
            layer = tensors[f"layer{number}"], tensors[f"bias{number}"]
            self._layers.append((_floats(layer[0]), _floats(layer[1])))
        self._value = _floats(tensors["value"])
        self._advantages = action_weights(tensors["advantage"], given.actions)
        check_width(self._layers[0][0], given.width)

    def scores(self, _contexts: Floats, inputs: Floats) -> Floats:
        """Values `[n, k]`: discounted rewards from this decision on."""
        for weights, bias in self._layers:
            units = np.empty((len(inputs), len(bias)))
            score_kernels.hidden_layer(inputs, weights, bias, units)
            inputs = units
        out = np.zeros((len(inputs), self._advantages.shape[1]))
        score_kernels.dueling(inputs, self._value, self._advantages, out)
        return out


def _floats(array: Floats) -> Floats:
    return np.ascontiguousarray(array, dtype=np.float64)
