"""Session kNN and the blended ranking as arrays for compiled kernels: how processors rank, click by click."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.features.batch import Batch
from models.features.vocabulary import Vocabulary
from models.network.network import Network
from models.network.row_heads import RowQueries
from models.retrieval.exact import Ranked, empty_ranking
from models.scoring import blend_kernel, session_knn_kernel
from models.scoring.blend import LEAST, Hybrid
from models.scoring.session_index import NeighbourSettings, SessionIndex
from models.scoring.session_knn_kernel import PastSessions, Table

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
#: Bounds [N + 1], items, shares and seen of flat candidates.
Found = tuple[Ints, NDArray[np.int32], NDArray[np.float64], NDArray[np.bool_]]
#: Clicks whose candidates are in memory together.
BLOCK = 64


class RowNeighbours:
    """Session kNN for one click after the other; any thread may call it."""

    def __init__(self, index: SessionIndex, vocabulary: Vocabulary, settings: NeighbourSettings) -> None:
        longest = int(np.diff(index.starts).max(initial=1))
        shared = int(np.diff(index.bounds).max(initial=1)) * settings.last_items
        self.indices = vocabulary.indices
        self._near, self._found = _size(shared), _size(settings.neighbours * longest + settings.last_items)
        self.most = settings.neighbours * longest + settings.last_items
        self._sessions = PastSessions(
            index.items,
            index.starts.astype(np.int64),
            index.postings,
            index.bounds.astype(np.int64),
            index.recency,
            index.idf,
            np.exp(-np.arange(settings.last_items) / settings.item_decay),
            np.exp(-np.arange(longest) / settings.distance_decay),
            settings.neighbours,
        )

    def candidates(
        self, indices: Ints, clicks: tuple[Ints, Ints, Ints], scratch: tuple[Table, Table], made: Found
    ) -> None:
        """See `session_knn_kernel.candidates`; `clicks` are place, start and item on view of each."""
        session_knn_kernel.candidates(indices, *clicks, self._sessions, *scratch, made)

    def scratch(self) -> tuple[Table, Table]:
        """Empty tables of neighbours and of items."""
        return _table(self._near), _table(self._found)


class Blocks:
    """Calls the kernel for one block of clicks at a time, and reuses its memory."""

    def __init__(self, near: RowNeighbours, batch: Batch) -> None:
        codes, place, start = batch.trails
        self._near, self._indices = near, near.indices(codes)
        self._clicks = place, start, self._indices[place]
        self._scratch = near.scratch()
        rows = min(BLOCK, len(batch))
        self._made: Found = (
            np.empty(rows + 1, np.int64),
            np.empty(rows * near.most, np.int32),
            np.empty(rows * near.most, np.float64),
            np.empty(rows * near.most, np.bool_),
        )

    def __call__(self, block: slice) -> Found:
        """The candidates of a block of at most BLOCK clicks, without the items on view.

        They are valid until the next call.
        """
        place, start, current = (column[block] for column in self._clicks)
        self._near.candidates(self._indices, (place, start, current), self._scratch, self._made)
        return self._made


class RowRanking:
    """Queries and the blended ranking of a network over its items `table` [V, E]."""

    def __init__(
        self, network: Network, vocabulary: Vocabulary, table: Tensor, hybrid: Hybrid | None
    ) -> None:
        self._queries = RowQueries(network)
        self._table, self._bias = table.numpy(), network.item_bias.detach().numpy()
        self._near = None
        if hybrid is not None:
            blend, near = hybrid.blend, hybrid.near
            self._near = RowNeighbours(near.index, near.vocabulary, near.settings)
            self._weights = blend.network, blend.neighbours, blend.seen

    def queries(self, states: Tensor) -> Tensor:
        """As `Network.queries`."""
        return torch.from_numpy(self._queries(states.numpy()))

    def blended(self, ranked: Ranked, batch: Batch, queries: Tensor) -> Ranked:
        """As `models.scoring.blend.Hybrid.rank`; what the network has `ranked`, where there is no blend."""
        if self._near is None:
            return ranked
        made, found = empty_ranking(*ranked.items.shape), Blocks(self._near, batch)
        asked = queries.numpy()
        for at in range(0, len(asked), BLOCK):
            block = slice(at, at + BLOCK)
            own, into = (ranked.items[block], ranked.scores[block]), (made.items[block], made.scores[block])
            given = asked[block], self._table, self._bias, found(block), own, self._weights, LEAST
            blend_kernel.rank(*given, *into)
        return made


class TensorRanking:
    """The same on the network's device; the reference."""

    def __init__(
        self, network: Network, vocabulary: Vocabulary, table: Tensor, hybrid: Hybrid | None
    ) -> None:
        self._network, self._table, self._hybrid = network, table, hybrid

    def queries(self, states: Tensor) -> Tensor:
        """As `Network.queries`."""
        return self._network.queries(states)

    def blended(self, ranked: Ranked, batch: Batch, queries: Tensor) -> Ranked:
        """As `RowRanking.blended`."""
        if self._hybrid is None:
            return ranked
        return self._hybrid.rank(ranked, batch, queries, self._table, self._network.item_bias)


def _size(keys: int) -> int:
    """Places of a hash table that is at most half full: a power of 2."""
    return 1 << int(2 * keys - 1).bit_length()


def _table(size: int) -> Table:
    return Table(
        np.full(size, session_knn_kernel.FREE),
        np.empty(size, np.int64),
        np.empty(size),
        np.empty(size, np.int64),
    )
