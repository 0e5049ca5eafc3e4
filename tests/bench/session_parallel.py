"""GRU4Rec as its authors train it, for comparison: sessions side by side, a step of one click at a time.

After Hidasi et al. 2016, "Session-based recommendations with recurrent neural networks", and Hidasi and
Karatzoglou 2018, "Recurrent neural networks with top-k gains": a lane for each session, whose state is reset
when the next session takes it and through which no gradient goes back; items drawn by popularity beside the
batch's own; embeddings shared by input and output; Adagrad on the rows that were touched.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.baselines.ranking import Score
from trainer.logs.session_files import Sessions


class Shape(NamedTuple):
    """`lanes` sessions at once; `drawn` items beside the batch's, by popularity to the `power`."""

    width: int
    drawn: int
    power: float
    dropout: float
    scale: float
    lanes: int = 48
    rate: float = 0.07


class SessionParallel(nn.Module):
    """The network, with unit vectors times `scale` like those that it is compared with."""

    def __init__(self, share: Tensor, shape: Shape, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.shape = shape
        self.share = share
        self.drawn_by = share**shape.power / (share**shape.power).sum()
        self.items = nn.Embedding(len(share), shape.width, sparse=True)
        nn.init.normal_(self.items.weight, std=0.05)
        self.cell = nn.GRUCell(shape.width, shape.width)
        self.optimiser = torch.optim.Adagrad(self.parameters(), lr=shape.rate)

    def epoch(self, sessions: Sessions) -> int:
        """Learn once from all sessions; how many next items were learned from."""
        states = torch.zeros(self.shape.lanes, self.shape.width)
        learned = 0
        for lanes, item, target, fresh in steps(sessions, self.shape.lanes):
            where = torch.from_numpy(lanes)
            state = states[where].masked_fill(torch.from_numpy(fresh)[:, None], 0)
            states[where] = self._step(state, torch.from_numpy(item), torch.from_numpy(target))
            learned += len(item)
        return learned

    def _step(self, state: Tensor, item: Tensor, target: Tensor) -> Tensor:
        drop = self.shape.dropout
        state = self.cell(F.dropout(self.items(item), drop), state)
        query = F.normalize(F.dropout(state, drop), dim=-1) * self.shape.scale
        loss = self._loss(query, target)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return state.detach()

    def _loss(self, query: Tensor, target: Tensor) -> Tensor:
        """Cross entropy among the batch's and the drawn items, corrected for how likely each is there."""
        drawn = torch.multinomial(self.drawn_by, self.shape.drawn, replacement=True)
        chosen, places = torch.unique(torch.cat([target, drawn]), return_inverse=True)
        missed = len(drawn) * torch.log1p(-self.drawn_by[chosen]) + len(target) * torch.log1p(
            -self.share[chosen]
        )
        logits = query @ F.normalize(self.items(chosen), dim=-1).T - torch.log(-torch.expm1(missed))
        return F.cross_entropy(logits, places[: len(target)])

    def scorer(self) -> Score:
        """Scores of all items after whole sessions."""

        @torch.inference_mode()
        def score(sessions: Sessions) -> NDArray[np.float32]:
            recent = sessions.recent(int(np.diff(sessions.bounds).max(initial=1)))[:, ::-1]
            state = torch.zeros(len(sessions), self.shape.width)
            for column in recent.T:
                here = torch.from_numpy(column >= 0)
                seen = self.cell(self.items(torch.from_numpy(np.maximum(column, 0))), state)
                state = torch.where(here[:, None], seen, state)
            made: NDArray[np.float32] = (state @ F.normalize(self.items.weight, dim=-1).T).numpy()
            return made

        return score


def steps(sessions: Sessions, lanes: int) -> Iterator[tuple[NDArray[Any], ...]]:
    """Lanes at work, the item and the next item of each, and whether its session begins here.

    A lane takes the next session where one ends; without any more it rests.
    """
    long = np.flatnonzero(np.diff(sessions.bounds) > 1)
    waiting = iter(long[lanes:].tolist())
    working = np.arange(min(lanes, len(long)))
    at, ends = sessions.bounds[:-1][long[:lanes]].copy(), sessions.bounds[1:][long[:lanes]] - 1
    fresh = np.ones(len(working), dtype=bool)
    while len(working):
        yield working, sessions.items[at[working]], sessions.items[at[working] + 1], fresh[working]
        at[working] += 1
        fresh[:] = False
        for lane in working[at[working] >= ends[working]].tolist():
            session = next(waiting, None)
            if session is not None:
                at[lane], ends[lane] = sessions.bounds[session], sessions.bounds[session + 1] - 1
                fresh[lane] = True
        working = working[at[working] < ends[working]]
