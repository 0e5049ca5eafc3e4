"""Purchase probabilities and the further heads' answers to a batch: by tensors, or click by click.

Tensors serve on a GPU and are the reference. On a processor compiled kernels answer, with results that differ
by less than 1e-5 and do not depend on what else is in the batch.
"""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.contract.head_table import Kind
from models.features.batch import Batch
from models.features.vocabulary import Vocabulary
from models.network.network import Network
from models.network.row_answers import RowAnswers
from models.network.row_heads import RowHeads
from models.scoring.forest import Forest
from models.scoring.head_forests import HeadForests
from models.scoring.scores import ScoringError

Floats = NDArray[np.float32]


class HeadAnswers(Protocol):
    """Answers of all heads but the next item."""

    def __call__(self, states: Tensor, batch: Batch) -> tuple[Floats, Floats | None]:
        """Purchase probabilities [N] and the further heads' answers [N, K], None where there are none.

        `states` [N, H] are those after the batch's clicks. Raises ScoringError where an output is not finite.
        """
        ...


def head_answers(
    network: Network,
    vocabulary: Vocabulary,
    forest: Forest | None,
    device: torch.device,
    head_forests: HeadForests | None = None,
) -> HeadAnswers:
    """The way that suits the device."""
    kind = ByRows if device.type == "cpu" else ByTensors
    return kind(network, vocabulary, forest, head_forests)


class ByRows:
    """Click by click through compiled kernels."""

    def __init__(
        self,
        network: Network,
        vocabulary: Vocabulary,
        forest: Forest | None,
        head_forests: HeadForests | None = None,
    ) -> None:
        self._heads, self._answers = RowHeads(network), RowAnswers(network, vocabulary.rows)
        self._forest, self._head_forests = forest, head_forests

    def __call__(self, states: Tensor, batch: Batch) -> tuple[Floats, Floats | None]:
        logits, raw, finite = self._heads.outputs(states.numpy(), batch.features)
        _check(finite)
        trees, weights, columns = np.zeros(len(batch)), (1.0, 0.0), None
        if self._forest is not None:
            columns = self._forest.table(batch)
            trees, weights = self._forest.logits(columns), (self._forest.network, self._forest.trees)
        if self._head_forests is not None:
            self._head_forests.mix(raw, batch, columns)
        purchase = self._answers.chance(logits, trees, weights, batch.position)
        return purchase, self._answers.answers(raw, purchase, batch)


class ByTensors:
    """All clicks of a batch together, on the network's device."""

    def __init__(
        self,
        network: Network,
        vocabulary: Vocabulary,
        forest: Forest | None,
        head_forests: HeadForests | None = None,
    ) -> None:
        self._network, self._rows, self._forest = network, vocabulary.rows, forest
        self._head_forests = head_forests

    def __call__(self, states: Tensor, batch: Batch) -> tuple[Floats, Floats | None]:
        network, device = self._network, states.device
        inputs = network.head_inputs(states, torch.from_numpy(batch.features).to(device))
        logits = network.purchase_of(inputs)
        if self._forest is not None:
            logits = self._forest.stacked(logits, batch)
        chance = network.calibrated(logits, torch.from_numpy(batch.position).to(device))
        purchase: Floats = chance.cpu().numpy()
        if network.tasks is None:
            return purchase, None
        raw = network.tasks(inputs)
        _check(bool(raw.isfinite().all()))
        if self._head_forests is not None:
            mixed = raw.cpu().numpy()
            self._head_forests.mix(mixed, batch)
            raw = torch.from_numpy(mixed).to(device)
        return purchase, self._rated(network.tasks.batch_answers(raw, chance, batch), batch, device)

    def _rated(self, answers: Floats, batch: Batch, device: torch.device) -> Floats:
        """Add the expected rating to the head's residual, in place."""
        ratings, tasks = self._network.ratings, self._network.tasks
        if ratings is None or tasks is None:
            return answers
        rows = torch.from_numpy(self._rows(batch.codes)).to(device)
        features = torch.from_numpy(batch.features).to(device)
        for _, part in tasks.layout.of_kind(Kind.RATING):
            column = answers[:, part.answers.start]
            column[:] = ratings.answers(column.copy(), rows, features)
        return answers


def _check(finite: bool) -> None:
    if not finite:
        raise ScoringError("the model gave a value that is not finite; the next tier answers")
