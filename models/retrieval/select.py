"""Index selection: exact, bf16 or IVF, by the catalogue's size, the processor and the measured recall."""

from typing import Final

from torch import Tensor

from models.retrieval.bf16 import bf16_index
from models.retrieval.cpu_features import computes_bf16
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
    approximate = bf16_index(exact, asked) if computes_bf16(exact.items.device) else None
    return approximate or ivf_index(exact, asked) or exact
