"""A chunk of clicks as arrays for scoring, collected while the session steps run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from models.contract.predictions import MOST_ITEMS
from models.features import features, trails_kernel
from models.state.codes import CODE, as_words
from models.state.segments import rank_in_group
from models.state.visitor import KEPT_CODES, Visitor


@dataclass(frozen=True)
class Batch:
    """N clicks in record order of B visitors ("slots").

    Per click: `codes` [N] CODE, `slot` [N], `fresh` [N] (a session starts at this click), `position` [N]
    (1-based index in its session), `features` float32 [N, F], `bought` (hashes of the items that the visitor
    bought last, up to this click).

    Per slot, as of before the chunk: `hidden` (the encoder's state, fp16 bytes), `hidden_model` and
    `hidden_at` (the version that computed it, and the number of clicks it covers), `clicks` (number of clicks
    of the running session). `history` are packed codes of the session's last clicks, oldest first. `wanted`
    is the number of items to recommend for each click.
    """

    codes: NDArray[np.void]
    slot: NDArray[np.int32]
    fresh: NDArray[np.bool_]
    position: NDArray[np.int32]
    features: NDArray[np.float32]
    hidden: list[bytes]
    hidden_model: list[int]
    hidden_at: list[int]
    clicks: list[int]
    history: list[bytes]
    bought: list[bytes] = field(default_factory=list)
    wanted: int = MOST_ITEMS

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def slots(self) -> int:
        """Number of visitors in the chunk."""
        return len(self.hidden)

    @cached_property
    def _by_slot(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices of the clicks grouped by visitor, and the rank of each within its group (from 0)."""
        order = np.argsort(self.slot, kind="stable")
        return order, rank_in_group(self.slot[order])

    def stale(self, model: int, width: int) -> list[int]:
        """Slots whose hidden state has another version or width (bytes), or misses clicks of the session."""
        known = zip(self.hidden, self.hidden_model, self.hidden_at, self.clicks, strict=True)
        return [
            slot
            for slot, (packed, made_by, at, clicks) in enumerate(known)
            if made_by != model or at != clicks or len(packed) != width
        ]

    @cached_property
    def restarting(self) -> set[int]:
        """Slots whose first click in the chunk starts a session, so that their hidden state is not needed."""
        order, rank = self._by_slot
        first = order[rank == 0]
        return set(self.slot[first[self.fresh[first]]].tolist())

    @cached_property
    def trails(self) -> tuple[NDArray[np.void], NDArray[np.int64], NDArray[np.int64]]:
        """All codes by visitor, history first; the index in them of each click and of its session's start."""
        lengths = np.array([len(past) for past in self.history], dtype=np.int64) // CODE.itemsize
        old = as_words(np.frombuffer(b"".join(self.history), dtype=CODE))
        codes = np.empty(len(old) + len(self), dtype=CODE)
        place, start = np.empty((2, len(self)), dtype=np.int64)
        joined = codes.view(np.uint64).reshape(-1, 2)
        trails_kernel.join(as_words(self.codes), self.slot, self.fresh, old, lengths, joined, place, start)
        return codes, place, start


class Batcher:
    """Collects a chunk: call `visitor` before a visitor's first click, `click` after each session step."""

    def __init__(self) -> None:
        self._slot: list[int] = []
        self._position: list[int] = []
        self._codes: list[bytes] = []
        self._rows: list[bytes] = []
        self._bought: list[bytes] = []
        self._before: list[tuple[bytes, int, int, int, bytes, bytes]] = []

    def __len__(self) -> int:
        """Clicks so far."""
        return len(self._slot)

    def visitor(self, visitor: Visitor | None) -> int:
        """Register a visitor (None: a new one) before its first step of this chunk; returns its slot."""
        if visitor is None:
            self._before.append((b"", 0, 0, 0, b"", b""))
        else:
            known = (visitor.hidden, visitor.hidden_model, visitor.hidden_at)
            self._before.append((*known, visitor.in_session, visitor.session_codes(), visitor.codes))
        return len(self._before) - 1

    def click(self, slot: int, code: bytes, position: int, row: bytes, bought: bytes = b"") -> int:
        """Add an applied click and return its index.

        `code` has 16 bytes, `position` is 1-based in the session, `row` are the packed features,
        `bought` is `Visitor.bought` after the click.
        """
        self._slot.append(slot)
        self._position.append(position)
        self._codes.append(code)
        self._rows.append(row)
        self._bought.append(bought)
        return len(self._slot) - 1

    def session(self, index: int) -> tuple[bytes, bytes, int]:
        """The codes of an added click's session up to the click (at most 50), its row and position."""
        slot, position = self._slot[index], self._position[index]
        mine = [code for code, at in zip(self._codes[: index + 1], self._slot, strict=False) if at == slot]
        known = CODE.itemsize * min(position, KEPT_CODES)
        return b"".join([self._before[slot][-1], *mine])[-known:], self._rows[index], position

    @property
    def rows(self) -> list[bytes]:
        """The packed features of the added clicks."""
        return self._rows

    def part(self, visitors: int, clicks: int) -> tuple["Batcher", list[int]]:
        """Up to `clicks` clicks of the first `visitors` visitors, without hidden states; their indices."""
        other, slots, chosen = Batcher(), dict[int, int](), list[int]()
        for index, slot in enumerate(self._slot):
            if slot not in slots and len(slots) < visitors:
                slots[slot] = len(slots)
                other._before.append((b"", 0, 0, *self._before[slot][3:]))
            if slot in slots and len(chosen) < clicks:
                chosen.append(index)
                click = self._codes[index], self._position[index], self._rows[index], self._bought[index]
                other.click(slots[slot], *click)
        return other, chosen

    @property
    def slots(self) -> int:
        """Visitors so far."""
        return len(self._before)

    def build(self) -> Batch:
        """The arrays."""
        return concatenated([self])


def concatenated(batchers: Sequence[Batcher]) -> Batch:
    """One batch of several chunks: clicks and slots of each follow those of the previous chunk."""
    before = [known for batcher in batchers for known in batcher._before]
    hidden, model, at, clicks, history, _ = map(list, zip(*before, strict=True)) if before else [[]] * 6
    position = np.array([number for batcher in batchers for number in batcher._position], dtype=np.int32)
    first = accumulate((batcher.slots for batcher in batchers), initial=0)
    slot = [base + slot for base, batcher in zip(first, batchers, strict=False) for slot in batcher._slot]
    return Batch(
        codes=np.frombuffer(b"".join([code for batcher in batchers for code in batcher._codes]), dtype=CODE),
        slot=np.array(slot, dtype=np.int32),
        fresh=position == 1,
        position=position,
        features=features.matrix(b"".join([row for batcher in batchers for row in batcher._rows])),
        hidden=hidden,
        hidden_model=model,
        hidden_at=at,
        clicks=clicks,
        history=history,
        bought=[bought for batcher in batchers for bought in batcher._bought],
    )
