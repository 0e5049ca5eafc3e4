"""The neural tier: the encoder, then purchase, next item and the further heads of a version."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.contract.predictions import FallbackTier
from models.features.batch import Batch
from models.features.vocabulary import Vocabulary
from models.network.network import Network
from models.retrieval.exact import Exact, Ranked, Retriever
from models.retrieval.select import select_retriever
from models.scoring.blend import Candidates, Hybrid, candidates
from models.scoring.forest import Forest
from models.scoring.head_answers import head_answers
from models.scoring.head_forests import HeadForests
from models.scoring.probe import Probe, probe
from models.scoring.row_ranking import RowRanking, TensorRanking
from models.scoring.scores import TIERS, Scores, ScoringError
from models.scoring.session_knn import NeighbourScorer
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
    blends the ranking of items with a session kNN, a `forest` stacks purchase intent with trees,
    `head_forests` some of the further heads.
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
        head_forests: HeadForests | None = None,
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
        self._hybrid, self.forest, self.head_forests = hybrid, forest, head_forests
        self._heads = head_answers(self._network, vocabulary, forest, self.device, head_forests)
        ranking = RowRanking if self.device.type == "cpu" else TensorRanking
        self._ranking = ranking(self._network, vocabulary, self._table, hybrid)

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
        queries, ranked = self._own(states, batch)
        self._check(all(np.isfinite(found).all() for found in (purchase, ranked.scores, hidden)))
        ranked = self._ranking.blended(ranked, batch, queries)
        tier = np.full(len(batch), self._neural, dtype=np.uint8)
        names = self.vocabulary.names
        return Scores(purchase, ranked.items, ranked.scores, names, tier, hidden, tasks, self.layout)

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
        queries = self._ranking.queries(states)
        current = torch.from_numpy(self.vocabulary.indices(batch.codes)).to(self.device)
        return queries, self._retriever.top(queries, current, batch.wanted)

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
