"""The network of serving on session files, trained by the same code."""

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

#: Chosen on the last sessions of Diginetica's training file; the optimiser and the batch size are the
#: defaults.
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
#: Share of the training sessions, the newest, for early stopping and for choosing the blend.
VALID = 0.05


def held_out(train: Sessions) -> tuple[Sessions, Sessions]:
    """The training sessions without the newest ones, and the newest ones."""
    cut = max(1, round(len(train) * (1 - VALID)))
    return train.part(0, cut), train.part(cut, len(train))


def vocabulary(train: Sessions, ids: tuple[str, ...]) -> tuple[Vocabulary, NDArray[np.int64]]:
    """All items, without categories, and the number of clicks of each; an item without a click counts one."""
    words = Vocabulary.build(ids, [0] * len(ids))
    return words, np.maximum(1, np.bincount(train.items, minlength=len(ids)))


def item_rows(words: Vocabulary) -> Tensor:
    """Input rows of a view of each item `[V + 1, FIELDS]`; the last row is a view without an item."""
    codes = np.zeros(len(words.ids) + 1, dtype=CODE)
    codes["item"] = [*map(item_hash, words.ids), 0]
    codes["event"] = EVENT_CODES["view_item"]
    return torch.from_numpy(words.rows(codes))


def data(sessions: Sessions, rows: Tensor, longest: int) -> Data:
    """Sessions as training data for the next item (a repeated item counts), without purchase labels."""
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
    """Scores (probabilities) of a trained network; with validation sessions, of the best epoch."""
    network, rows, known = untrained(sessions, ids, options)
    judged = data(valid, rows, options.longest) if valid else None
    return scorer(fit(network, known, judged, options, report), rows, options.longest)


def untrained(sessions: Sessions, ids: tuple[str, ...], options: Options) -> tuple[Network, Tensor, Data]:
    """An untrained network for these items, the input rows of the items' views, and the training data."""
    words, weights = vocabulary(sessions, ids)
    rows = item_rows(words)
    known = data(sessions, rows, options.longest)
    return initial(words, weights, known, options), rows, known


def scorer(network: Network, rows: Tensor, longest: int) -> Score:
    """Probabilities of all items after the last `longest` items of each session; uniform for an empty
    session.
    """
    items = network.item_embeddings().detach()

    @torch.inference_mode()
    def score(sessions: Sessions) -> NDArray[np.float32]:
        logits = queries(network, rows, longest, sessions) @ items.T
        logits = torch.softmax(logits + network.item_bias, -1)
        empty = torch.from_numpy(np.diff(sessions.bounds) == 0)
        logits[empty.to(items.device)] = 1 / len(items)
        probabilities: NDArray[np.float32] = logits.cpu().numpy()
        return probabilities

    return score


@torch.inference_mode()
def queries(network: Network, rows: Tensor, longest: int, sessions: Sessions) -> Tensor:
    """Query vectors `[S, E]` after the last `longest` items of each session."""
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
    """Scores divided by the sum of their row; zeros where the sum is zero."""

    def score_shares(sessions: Sessions) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = score(sessions).astype(np.float32)
        scores /= np.maximum(scores.sum(1, keepdims=True), np.finfo(np.float32).tiny)
        return scores

    return score_shares


def within(options: Options, minutes: float | None) -> Options:
    """The options with a time budget in minutes; unchanged without one."""
    return options if minutes is None else replace(options, seconds=60 * minutes)
