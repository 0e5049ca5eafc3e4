"""A run of training on the shipped log that is small enough to be made several times in a test."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from models.features.vocabulary import Vocabulary
from models.network.network import Network
from tests.scoring import SHIPPED
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.fitting.fit import initial
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.data import Data, prepare
from trainer.loop.options import Options
from trainer.training.log_counts import vocabulary

#: Sampled candidates and dropout draw from torch's generator: a run depends on it.
SMALL = Options(
    epochs=3, seconds=1e9, clicks_per_batch=256, embedding=16, hidden=16, candidates=64, precision="fp32"
)


class Small(NamedTuple):
    """What a run reads."""

    words: Vocabulary
    weights: NDArray[np.int64]
    train: Data
    valid: Data
    examples: Examples

    def network(self, options: Options = SMALL) -> Network:
        return initial(self.words, self.weights, self.train, options)


@lru_cache
def small(rows: int = 1500) -> Small:
    examples = replay_log(read_log([SHIPPED]).head(rows)).examples()
    learned, held_out = split(examples, (0.8, 0.2))
    words, weights = vocabulary(learned)
    data = prepare(learned, words, 50), prepare(held_out, words, 50)
    return Small(words, weights, *data, learned)


def same(one: Network, other: Network) -> bool:
    """Whether two networks have the same bits."""
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(left, right) for left, right in pairs)
