"""Index selection: exact or IVF, by the size of the catalogue and the measured recall."""

from typing import Final

from torch import Tensor

from models.retrieval.exact import Exact, Retriever
from models.retrieval.ivf import ivf_index

#: A smaller catalogue is ranked exactly, which takes no longer.
LEAST_ITEMS: Final = 10_000
#: Fewer sample queries do not suffice to measure recall.
LEAST_QUERIES: Final = 200


def select_retriever(exact: Exact, asked: Tensor) -> Retriever:
    """An approximate index where it reaches the recall that it needs, else `exact`.

    `asked` [M, E] are sample queries like those that will be served. A GPU always ranks exactly.
    """
    if len(asked) < LEAST_QUERIES or exact.items.is_cuda or len(exact.items) < LEAST_ITEMS:
        return exact
    return ivf_index(exact, asked) or exact
