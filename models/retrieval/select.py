"""Which way leads to the best items of a catalogue: chosen by its size, the processor, and what is found."""

from typing import Final

from torch import Tensor

from models.retrieval.bf16 import bf16_index
from models.retrieval.cpu_features import computes_bf16
from models.retrieval.exact import Exact, Retriever
from models.retrieval.ivf import ivf_index

#: A smaller catalogue is ranked whole: it takes no longer, and nothing is missed.
LEAST_ITEMS: Final = 10_000
#: Fewer queries tell nothing.
LEAST_QUERIES: Final = 200


def select_retriever(exact: Exact, asked: Tensor) -> Retriever:
    """The way to the best items: a short list where that is nearly as good, else all of them.

    `asked` [M, E] are queries as they will come. A GPU ranks everything.
    """
    if len(asked) < LEAST_QUERIES or exact.items.is_cuda or len(exact.items) < LEAST_ITEMS:
        return exact
    approximate = bf16_index(exact, asked) if computes_bf16(exact.items.device) else None
    return approximate or ivf_index(exact, asked) or exact
