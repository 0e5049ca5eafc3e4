"""The neural rung: a chunk's clicks through the encoder, then both heads."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models import retrieval
from models.batching import Batch
from models.codes import items as item_hashes
from models.network import Network
from models.predictions import Rung
from models.scores import RUNGS, TOP, Scores, ScoringError
from models.vocabulary import Vocabulary

Device = torch.device


def pick_device(name: str) -> Device:
    """`cpu`, `cuda` or `auto` (cuda where there is one). Raises ScoringError for what is not there."""
    if name not in ("cpu", "cuda", "auto"):
        raise ScoringError(f"device {name!r} is unknown; choose cpu, cuda or auto")
    if name == "cuda" and not torch.cuda.is_available():
        raise ScoringError("device cuda was asked for but torch finds none; choose cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


class NeuralScorer:
    """Scores batches with a trained network. Holds no state of a visitor, so any thread may call it.

    `model` is the 64-bit id under which hidden states are kept in visitors' records.
    """

    def __init__(
        self, network: Network, vocabulary: Vocabulary, version: str, model: int, device: Device | str = "cpu"
    ) -> None:
        self.version, self.model = version, model
        self.vocabulary = vocabulary
        self.device = torch.device(device)
        self._network = network.to(self.device).eval().requires_grad_(False)
        self._encoder = self._network.serving(vocabulary.rows)
        self._items = self._network.item_embeddings().T.contiguous()
        self._neural = RUNGS.index(Rung.NEURAL)

    @torch.inference_mode()
    def score(self, batch: Batch) -> Scores:
        """Answer N clicks of B visitors, with their new hidden states. Raises ScoringError if not finite."""
        states, hidden = self._encoder.states(batch, self.model)
        purchase = self._purchase(states, batch.features)
        current = torch.from_numpy(self.vocabulary.lookup(item_hashes(batch.codes))).to(self.device)
        ranked = retrieval.top_items(
            self._network.queries(states), self._items, self._network.item_bias, current, TOP
        )
        finite = (
            np.isfinite(purchase).all() and np.isfinite(ranked.scores).all() and np.isfinite(hidden).all()
        )
        if not finite:
            raise ScoringError(f"model {self.version} gave a value that is not finite; the next rung answers")
        rung = np.full(len(batch), self._neural, dtype=np.uint8)
        return Scores(purchase, ranked.items, ranked.scores, self.vocabulary.names, rung, hidden)

    def _purchase(self, states: Tensor, features: NDArray[np.float32]) -> NDArray[np.float32]:
        logits = self._network.purchase(states, torch.from_numpy(features).to(self.device))
        probability: NDArray[np.float32] = self._network.calibrated(logits).cpu().numpy()
        return probability
