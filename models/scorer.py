"""The neural rung: a chunk's clicks through the recurrence, then both heads."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models import recurrence, retrieval
from models.batching import Batch
from models.codes import CODE
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
        self._recurrence = recurrence.Recurrence(self._network.table.weight, self._network.encoder)
        self._items = self._network.item_embeddings().T.contiguous()
        self._neural = RUNGS.index(Rung.NEURAL)

    @torch.inference_mode()
    def score(self, batch: Batch) -> Scores:
        """Answer N clicks of B visitors, with their new hidden states. Raises ScoringError if not finite."""
        states, hidden = self._states(batch)
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

    def _states(self, batch: Batch) -> tuple[Tensor, NDArray[np.float16]]:
        """States after each click `[N, H]` in record order, and after the last one of each slot `[B, H]`."""
        hidden = self._before(batch)
        order, ends = batch.waves()
        where, fresh = torch.from_numpy(batch.slot[order]), torch.from_numpy(batch.fresh[order])
        inputs = self._recurrence.inputs(self.vocabulary.rows(batch.codes[order]))
        walked = self._recurrence.walk(
            hidden, where.long().to(self.device), fresh.to(self.device), inputs, ends
        )
        states = torch.empty_like(walked)
        states[torch.from_numpy(order).to(self.device)] = walked
        return states, hidden.half().cpu().numpy()

    def _before(self, batch: Batch) -> Tensor:
        """Hidden states before the chunk `[B, H]`: as stored, or rebuilt from codes where they are stale."""
        width = self._recurrence.width
        stored, empty, stale = [], bytes(2 * width), []
        for slot, packed in enumerate(batch.hidden):
            usable = len(packed) == len(empty) and not batch.is_stale(slot, self.model)
            stored.append(packed if usable else empty)
            if not usable and batch.history[slot]:
                stale.append(slot)
        array = np.frombuffer(b"".join(stored), dtype=np.float16).astype(np.float32)
        hidden = torch.from_numpy(array.reshape(-1, width)).to(self.device)
        if stale:
            self._rebuild(hidden, stale, batch.history)
        return hidden

    def _rebuild(self, hidden: Tensor, stale: list[int], history: list[bytes]) -> None:
        """Replay the stored codes of the stale slots, all visitors side by side, into `hidden`."""
        codes = np.frombuffer(b"".join(history[slot] for slot in stale), dtype=CODE)
        lengths = np.array([len(history[slot]) // CODE.itemsize for slot in stale])
        rank = np.arange(len(codes)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        order = np.argsort(rank, kind="stable")
        slots = torch.from_numpy(np.repeat(stale, lengths)[order]).to(self.device)
        inputs = self._recurrence.inputs(self.vocabulary.rows(codes[order]))
        ends = np.cumsum(np.bincount(rank)).tolist()
        self._recurrence.walk(hidden, slots, torch.zeros_like(slots, dtype=torch.bool), inputs, ends)
