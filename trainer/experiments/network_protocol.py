"""The sequence network on session files: the network that serves, trained by the code that trains it."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.contract.events import EVENT_CODES
from models.features.features import NAMES
from models.features.vocabulary import Vocabulary
from models.network.network import Network
from models.state.codes import CODE, item_hash
from trainer.baselines.ranking import Score
from trainer.examples.examples import segments
from trainer.fitting.fit import Report, fit, initial
from trainer.logs.session_files import Sessions
from trainer.loop.data import Data
from trainer.loop.options import Options

#: Chosen on the last sessions of Diginetica's training file; optimiser and batches are the defaults.
OPTIONS = Options(
    epochs=5,
    seconds=1e9,
    weight_decay=1e-4,
    dropout=0.3,
    candidates=8192,
    power=0.5,
    embedding=192,
    hidden=192,
    cosine=14.0,
)
#: Share of the newest training sessions that stop the training and choose the blend.
VALID = 0.05


def held_out(train: Sessions) -> tuple[Sessions, Sessions]:
    """The training sessions without the newest ones, and those."""
    cut = max(1, round(len(train) * (1 - VALID)))
    return train.part(0, cut), train.part(cut, len(train))


def vocabulary(train: Sessions, ids: tuple[str, ...]) -> tuple[Vocabulary, NDArray[np.int64]]:
    """All items, without categories, and how often each was met; an item never met counts once."""
    words = Vocabulary.build(ids, [0] * len(ids))
    return words, np.maximum(1, np.bincount(train.items, minlength=len(ids)))


def item_rows(words: Vocabulary) -> Tensor:
    """Table rows of a view of each item `[V + 1, FIELDS]`; the last is of no item."""
    codes = np.zeros(len(words.ids) + 1, dtype=CODE)
    codes["item"] = [*map(item_hash, words.ids), 0]
    codes["event"] = EVENT_CODES["view_item"]
    return torch.from_numpy(words.rows(codes))


def data(sessions: Sessions, rows: Tensor, longest: int) -> Data:
    """Sessions as training data: next items (the same one again counts), and nothing about purchases."""
    count, numbers = len(sessions.items), sessions.numbers
    last = np.diff(numbers, append=-1) != 0
    return Data(
        rows[torch.from_numpy(sessions.items)],
        torch.zeros(1, len(NAMES)).expand(count, -1),
        torch.from_numpy(np.where(last, -1, np.append(sessions.items[1:], -1))),
        torch.zeros(count),
        torch.zeros(count, dtype=torch.bool),
        np.append(0, np.flatnonzero(np.diff(segments(numbers, longest), append=-1)) + 1),
        torch.ones(count, dtype=torch.int32),
    )


def train(
    sessions: Sessions, valid: Sessions | None, ids: tuple[str, ...], options: Options, report: Report
) -> Score:
    """A trained network's probabilities; where there are sessions for validation, of the best epoch."""
    network, rows, known = untrained(sessions, ids, options)
    judged = data(valid, rows, options.longest) if valid else None
    return scorer(fit(network, known, judged, options, report), rows, options.longest)


def untrained(sessions: Sessions, ids: tuple[str, ...], options: Options) -> tuple[Network, Tensor, Data]:
    """A network for these items as it begins, the rows of their views, and what it is to learn from."""
    words, weights = vocabulary(sessions, ids)
    rows = item_rows(words)
    known = data(sessions, rows, options.longest)
    return initial(words, weights, known, options), rows, known


def scorer(network: Network, rows: Tensor, longest: int) -> Score:
    """Probabilities over all items after the last `longest` items of sessions; uniform for an empty one."""
    items = network.item_embeddings().detach()

    @torch.inference_mode()
    def score(sessions: Sessions) -> NDArray[np.float32]:
        logits = queries(network, rows, longest, sessions) @ items.T
        logits = torch.softmax(logits + network.item_bias, -1)
        empty = torch.from_numpy(np.diff(sessions.bounds) == 0)
        logits[empty.to(items.device)] = 1 / len(items)
        found: NDArray[np.float32] = logits.cpu().numpy()
        return found

    return score


@torch.inference_mode()
def queries(network: Network, rows: Tensor, longest: int, sessions: Sessions) -> Tensor:
    """What items are compared with after the last `longest` items of each session `[S, E]`."""
    device = network.mean.device
    lengths = np.minimum(np.diff(sessions.bounds), longest)
    width = max(1, int(lengths.max(initial=1)))
    places = sessions.bounds[1:, None] - lengths[:, None] + np.arange(width)
    inside = np.arange(width) < lengths[:, None]
    numbers = np.where(inside, np.append(sessions.items, -1)[np.where(inside, places, -1)], -1)
    hidden = network.encode(rows[torch.from_numpy(numbers)].to(device))
    ends = torch.from_numpy(np.maximum(lengths - 1, 0)).to(device)
    return network.queries(hidden[torch.arange(len(ends), device=device), ends])


def shares(score: Score) -> Score:
    """Scores as shares of their row's sum; zeros where that is zero."""

    def score_shares(sessions: Sessions) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = score(sessions).astype(np.float32)
        scores /= np.maximum(scores.sum(1, keepdims=True), np.finfo(np.float32).tiny)
        return scores

    return score_shares


def within(options: Options, minutes: float | None) -> Options:
    """The options within a time budget."""
    return options if minutes is None else replace(options, seconds=60 * minutes)
