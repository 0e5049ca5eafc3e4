"""Made-up input of the GPU benchmark: sessions under way, an untrained network, and next-item sessions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from models.contract.events import Click
from models.features import features
from models.features.batch import Batch, Batcher, concatenated
from models.features.vocabulary import Vocabulary
from models.network.network import Config, Network
from models.serving.sample_clicks import LENGTH, session_under_way
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.visitor import Visitor
from tests.tiny import ALL_HEADS
from trainer.logs.session_files import Sessions

#: Clicks of a batcher that larger batches repeat.
UNIT = 256
MODEL, WIDTH = 7, 64
_BEGAN, _PAUSE_MS = 1_700_000_000_000, 5_000


@dataclass(frozen=True)
class Shop:
    """A catalogue, and visitors in the midst of their sessions."""

    words: Vocabulary
    visitors: Sequence[Visitor]

    @classmethod
    def of(cls, items: int) -> "Shop":
        """A shop with `items` items in 50 categories."""
        ids = tuple(f"i{number}" for number in range(items))
        words = Vocabulary.build(ids, [number % 50 + 1 for number in range(items)])
        return cls(words, [session_under_way(ids, number) for number in range(UNIT)])

    def network(self) -> Network:
        """Untrained, with every head; weights far enough from zero that answers differ."""
        torch.manual_seed(0)
        words = self.words
        config = Config(
            words.sizes.items,
            len(features.NAMES),
            embedding=WIDTH,
            hidden=WIDTH,
            cosine=14.0,
            tasks=ALL_HEADS,
            churn_days=7.0,
        )
        made = Network(config).eval()
        made.table.weight.data.mul_(10)
        made.scale.fill_(0.01)
        made.item_categories.copy_(
            torch.from_numpy(words.sizes.offsets[1] + words.category_rows(words.categories))
        )
        return made

    def batch(self, clicks: int, hidden: Sequence[bytes] = ()) -> Batch:
        """The next click of `clicks` visitors, whose states are `hidden` (else they are computed again)."""
        return concatenated([self._unit(hidden)] * max(1, clicks // UNIT))

    def _unit(self, hidden: Sequence[bytes]) -> Batcher:
        batcher = Batcher()
        for number, visitor in enumerate(self.visitors):
            known = Visitor(**{name: getattr(visitor, name) for name in visitor.__struct_fields__})
            if hidden:
                known.remember(hidden[number], MODEL)
            slot = batcher.visitor(known)
            click = _click(self.words.ids[number * 3 % len(self.words.ids)], number)
            stepped, facts = step(known, click, click.ts, SessionConfig())
            batcher.click(slot, facts.code, facts.position, features.row(stepped, click, facts))
        return batcher


def _click(item: str, number: int) -> Click:
    ts = _BEGAN + LENGTH * _PAUSE_MS
    return Click(event_id=str(number), visitor_id=str(number), ts=ts, event="view_item", item_id=item)


def sessions(count: int, items: int, seed: int = 0) -> Sessions:
    """Sessions of 2 to 10 items; mostly an item is followed by one of its neighbours."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, 11, count)
    bounds = np.append(0, np.cumsum(lengths))
    moves = np.where(rng.random(bounds[-1]) < 0.8, rng.integers(1, 4, bounds[-1]), rng.integers(0, items))
    return Sessions(np.cumsum(moves) % items, bounds)
