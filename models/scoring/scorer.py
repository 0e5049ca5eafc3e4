"""The neural tier: the encoder, then purchase, next item and the further heads of a version."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.contract.head_table import Kind
from models.contract.predictions import FallbackTier
from models.features.batch import Batch
from models.features.vocabulary import Vocabulary
from models.network.network import Network
from models.retrieval.exact import Exact, Ranked, Retriever
from models.retrieval.select import select_retriever
from models.scoring.blend import Candidates, Hybrid, candidates
from models.scoring.forest import Forest
from models.scoring.probe import Probe, probe
from models.scoring.scores import TIERS, Scores, ScoringError
from models.scoring.session_knn import NeighbourScorer
from models.state.codes import items as item_hashes
from models.state.visitor import Visitor

Device = torch.device


def pick_device(name: str) -> Device:
    """The device `cpu`, `cuda` or `auto` (cuda where there is one). Raises ScoringError if unavailable."""
    if name not in ("cpu", "cuda", "auto"):
        raise ScoringError(f"device {name!r} is unknown; choose cpu, cuda or auto")
    if name == "cuda" and not torch.cuda.is_available():
        raise ScoringError("device cuda was asked for but torch finds none; choose cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


class NeuralScorer:
    """Scores batches with a trained network. It has no state of visitors, so any thread may call it.

    `model` is the 64-bit id of the version in visitors' records, beside their hidden states. A `hybrid`
    blends the ranking of items with a session kNN, a `forest` stacks purchase intent with trees.
    """

    def __init__(
        self,
        network: Network,
        vocabulary: Vocabulary,
        version: str,
        model: int,
        device: Device | str = "cpu",
        hybrid: Hybrid | None = None,
        forest: Forest | None = None,
    ) -> None:
        self.version, self.model = version, model
        self.vocabulary = vocabulary
        self.device = torch.device(device)
        self._network = network.to(self.device).eval().requires_grad_(False)
        self._encoder = self._network.serving(vocabulary.rows)
        self._table = self._network.item_embeddings().contiguous()
        self._exact = Exact(self._table, self._network.item_bias)
        self._items = self._exact.columns
        self._retriever: Retriever = self._exact
        self.layout = network.tasks.layout if network.tasks is not None else None
        self._neural = TIERS.index(FallbackTier.NEURAL)
        self._hybrid, self.forest = hybrid, forest

    @property
    def network(self) -> Network:
        """The trained network; to train further, copy it."""
        return self._network

    @property
    def width(self) -> int:
        """Bytes of hidden state in a visitor's record; 0 for an encoder without one."""
        return self._encoder.width

    def outdated(self, visitor: Visitor) -> bool:
        """Whether a visitor's hidden state is of another version, or misses clicks of the session."""
        return self.width > 0 and not (
            visitor.hidden_model == self.model
            and visitor.hidden_at == visitor.in_session
            and len(visitor.hidden) == self.width
        )

    @torch.inference_mode()
    def rebuilt(self, history: list[bytes]) -> list[bytes]:
        """Hidden states after sessions, given as packed codes, oldest first."""
        return [row.tobytes() for row in self._encoder.rebuilt(history)]

    @torch.inference_mode()
    def score(self, batch: Batch) -> Scores:
        """Answers to N clicks of B visitors, and the new hidden states. Raises ScoringError if not finite."""
        states, hidden = self._encoder.states(batch, self.model)
        purchase, tasks = self._heads(states, batch)
        self._rate(tasks, batch)
        ranked = self._ranked(states, batch)
        self._check(all(np.isfinite(found).all() for found in (purchase, ranked.scores, hidden)))
        tier = np.full(len(batch), self._neural, dtype=np.uint8)
        names = self.vocabulary.names
        return Scores(purchase, ranked.items, ranked.scores, names, tier, hidden, tasks, self.layout)

    def _heads(self, states: Tensor, batch: Batch) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Purchase probabilities [N], and the answers of the further heads; None where there are none."""
        network, tasks = self._network, self._network.tasks
        inputs = network.head_inputs(states, torch.from_numpy(batch.features).to(self.device))
        position = torch.from_numpy(batch.position).to(self.device)
        logits = network.purchase_of(inputs)
        if self.forest is not None:
            logits = self.forest.stacked(logits, batch)
        chance = network.calibrated(logits, position)
        purchase = chance.cpu().numpy()
        if tasks is None:
            return purchase, None
        raw = tasks(inputs)
        self._check(raw.isfinite().all())
        return purchase, tasks.batch_answers(raw, chance, batch)

    def _rate(self, tasks: NDArray[np.float32] | None, batch: Batch) -> None:
        """Add the expected rating to the head's residual, in place."""
        ratings = self._network.ratings
        if tasks is None or ratings is None or self.layout is None:
            return
        rows = torch.from_numpy(self.vocabulary.rows(batch.codes)).to(self.device)
        for _, part in self.layout.of_kind(Kind.RATING):
            beyond, column = tasks[:, part.answers.start], part.answers.start
            tasks[:, column] = ratings.answers(beyond, rows, torch.from_numpy(batch.features).to(self.device))

    def _check(self, finite: object) -> None:
        if not finite:
            raise ScoringError(f"model {self.version} gave a value that is not finite; the next tier answers")

    @torch.inference_mode()
    def select_retriever(self, past: Batch) -> None:
        """Select the index for retrieval by sample clicks `past`; call it before the first answer."""
        queries = self._network.queries(self._encoder.states(past, self.model)[0])
        self._retriever = select_retriever(self._exact, queries)

    @torch.inference_mode()
    def candidates(self, batch: Batch, near: NeighbourScorer) -> Candidates:
        """The candidates of a blend with these neighbours, from which its weights are fitted."""
        states, _ = self._encoder.states(batch, self.model)
        queries, ranked = self._own(states, batch)
        return candidates(near, ranked, batch, queries, self._table, self._network.item_bias)

    def _own(self, states: Tensor, batch: Batch) -> tuple[Tensor, Ranked]:
        """Queries, and the network's best items of each click without the one on view."""
        queries = self._network.queries(states)
        current = torch.from_numpy(self.vocabulary.lookup(item_hashes(batch.codes))).to(self.device)
        return queries, self._retriever.top(queries, current, batch.wanted)

    def _ranked(self, states: Tensor, batch: Batch) -> Ranked:
        queries, ranked = self._own(states, batch)
        if self._hybrid is None:
            return ranked
        return self._hybrid.rank(ranked, batch, queries, self._table, self._network.item_bias)

    @torch.inference_mode()
    def probe(self, batch: Batch, items: NDArray[np.int64], groups: Sequence[NDArray[np.int64]]) -> Probe:
        """The answers to a batch in detail (`models.scoring.probe`). Raises ScoringError if not finite."""
        states, _ = self._encoder.states(batch, self.model)
        found = probe(self._network, self._items, states, batch, items, groups, self.forest)
        if self._hybrid is None:
            return found
        queries, ranked = self._own(states, batch)
        blended = self._hybrid.scores(ranked, batch, queries, self._table, self._network.item_bias, items)
        return found._replace(scores=blended)
