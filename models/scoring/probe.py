"""A network's answers in detail, also with groups of features at their training means."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.features.batch import Batch
from models.network.network import Network
from models.scoring.forest import Forest
from models.scoring.scores import ScoringError


class Probe(NamedTuple):
    """`chances` [N] are purchase probabilities, `blanked` [G] those of the first click without each group.

    `scores` [N, K] are the items' scores as published: probabilities, or shares of a blend's candidates (0:
    not a candidate).
    """

    chances: NDArray[np.float64]
    blanked: NDArray[np.float64]
    scores: NDArray[np.float64]


def probe(
    network: Network,
    table: Tensor,
    states: Tensor,
    batch: Batch,
    items: NDArray[np.int64],
    groups: Sequence[NDArray[np.int64]],
    forest: Forest | None = None,
) -> Probe:
    """Answers after `states` [N, H], and to the first click with each group of columns at its means.

    `items` [K] are indices into the vocabulary, `table` [E, V] its embeddings. Raises ScoringError if a value
    is not finite.
    """
    chances = _chances(network, states, batch, groups, forest)
    logits = torch.addmm(network.item_bias, network.queries(states), table)
    chosen = logits[:, torch.from_numpy(items).to(logits.device)]
    scores = torch.exp(chosen - torch.logsumexp(logits, 1, keepdim=True)).double().cpu().numpy()
    if not (np.isfinite(chances).all() and np.isfinite(scores).all()):
        raise ScoringError("the model gave a value that is not finite; nothing is explained")
    return Probe(chances[: len(batch)], chances[len(batch) :], scores)


def _chances(
    network: Network,
    states: Tensor,
    batch: Batch,
    groups: Sequence[NDArray[np.int64]],
    forest: Forest | None,
) -> NDArray[np.float64]:
    """Purchase probabilities `[N + G]`; a normalised feature at its training mean is 0."""
    device, width = states.device, states.shape[1]
    inputs = network.head_inputs(states, torch.from_numpy(batch.features).to(device))
    blank = inputs[:1].repeat(len(groups), 1)
    for row, columns in zip(blank, groups, strict=True):
        row[width + torch.from_numpy(columns).to(device)] = 0
    position = torch.from_numpy(np.append(batch.position, [batch.position[0]] * len(groups))).to(device)
    logits = network.purchase_of(torch.cat([inputs, blank]))
    if forest is not None:
        logits = forest.probed(logits, batch, groups, network.mean.cpu().numpy())
    chances = network.calibrated(logits, position)
    found: NDArray[np.float64] = chances.double().cpu().numpy()
    return found
