"""Calibration and consistency of a network's heads as arrays for compiled kernels (`answer_kernels`)."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.contract.head_table import KNOWN_STATES, LEAVE, HeadPart, Kind, Layout
from models.features.batch import Batch
from models.features.features import NAMES
from models.network import coherence, ratings
from models.network.encoder import Rows
from models.network.heads import HeadModule
from models.network.kernels import answer_kernels
from models.network.kernels.answer_kernels import Columns
from models.network.network import BANDS, Network
from models.network.risk import risk

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
_BANDS = np.array(BANDS)
#: Heads of one answer that another answer decides or bounds.
_SINGLE = ("churn", "cart_completion", "session_value", "search_next")


class RowAnswers:
    """From raw outputs to published answers; a row depends on no other row."""

    def __init__(self, network: Network, rows: Rows) -> None:
        self._rows = rows
        self._lines = network.calibration.cpu().numpy()
        self._tasks, self._ratings = network.tasks, None
        if network.tasks is not None:
            self._layout = network.tasks.layout
            self._columns = columns(network.tasks)
            self._ratios = network.tasks.ratios.cpu().numpy()
        if network.ratings is not None:
            self._ratings = ExpectedRatings(network.ratings)

    def chance(
        self,
        logits: Floats,
        trees: NDArray[np.float64],
        weights: tuple[float, float],
        position: NDArray[np.int32],
    ) -> Floats:
        """Calibrated purchase probabilities [N] from logits of network and trees, by click index [N]."""
        made = np.empty(len(logits), dtype=np.float32)
        answer_kernels.calibrated(logits, trees, weights, position, _BANDS, self._lines, made)
        return made

    def answers(self, raw: Floats, chance: Floats, batch: Batch) -> Floats | None:
        """Answers [N, layout.answers]; None for a version without further heads.

        `raw` [N, layout.raw] and purchase probabilities [N] are of the batch's clicks.
        """
        if self._tasks is None:
            return None
        made = np.empty((len(raw), self._layout.answers), dtype=np.float32)
        expected, trust = chance, 0.0
        if self._ratings is not None:
            expected, trust = self._ratings(self._rows(batch.codes), batch.features), self._ratings.trust
        answer_kernels.answers(raw, chance, batch.features, expected, trust, self._columns, made)
        if self._ratings is not None:
            self._ratings.bound(made, self._layout)
        for _, part in self._layout.of_kind(Kind.RISK):
            made[:, part.answers.start] = risk(batch, self._ratios)
        return made


class ExpectedRatings:
    """The tables of `models.network.ratings` as arrays."""

    def __init__(self, tables: ratings.Ratings) -> None:
        self.trust = float(tables.trust)
        self._low, self._high = tables.bounds.tolist()
        mean, pull = tables.visitors.tolist()
        self._given = tables.items.cpu().numpy(), tables.categories.cpu().numpy(), tables.sizes.offsets[1]
        self._prior = ratings.COLUMNS, (mean, pull)

    def __call__(self, rows: Ints, features: Floats) -> Floats:
        """Ratings [N] without the network."""
        made = np.empty(len(rows), dtype=np.float32)
        answer_kernels.expected_ratings(rows, features, *self._given, *self._prior, made)
        return made

    def bound(self, answers: Floats, layout: Layout) -> None:
        """Bring the ratings among answers [N, A] between the lowest and the highest one, in place."""
        for _, part in layout.of_kind(Kind.RATING):
            column = answers[:, part.answers.start]
            np.clip(column, self._low, self._high, out=column)


def columns(tasks: HeadModule) -> Columns:
    """Where the outputs and answers of a version's heads are."""
    layout = tasks.layout
    parts = coherence.by_name(layout)
    given = [(part.answers.start, NAMES.index(part.head.given)) for part in layout.parts if part.head.given]
    horizons = [
        (parts[name].answers.start, days <= tasks.churn_days)
        for name, days in coherence.HORIZONS
        if name in parts
    ]
    binary, classes, amounts, rated = (
        _places(layout, kind) for kind in (Kind.BINARY, Kind.CLASSES, Kind.AMOUNT, Kind.RATING)
    )
    churn, completion, value, search = (_answer(parts, name) for name in _SINGLE)
    return Columns(
        tasks.lines.cpu().numpy(),
        binary,
        classes,
        amounts,
        rated,
        _table(horizons, 2),
        (churn, completion, value, search),
        _classes(parts, "next_event", (LEAVE, "purchase", "search")),
        _classes(parts, "intent_state", KNOWN_STATES),
        _table(given, 2),
        coherence.ORDER,
        coherence.PURCHASE,
    )


def _places(layout: Layout, kind: Kind) -> Ints:
    """Raw column, answer column, number and classes of each head of a kind."""
    found = [(p.raw.start, p.answers.start, number, len(p.classes)) for number, p in layout.of_kind(kind)]
    return _table(found, 4)


def _table(rows: Sequence[tuple[int, ...]], width: int) -> Ints:
    return np.array(rows, dtype=np.int64).reshape(-1, width)


def _answer(parts: Mapping[str, HeadPart], name: str) -> int:
    return parts[name].answers.start if name in parts else -1


def _classes(
    parts: Mapping[str, HeadPart], name: str, classes: tuple[str, str, str]
) -> tuple[int, int, int, int, int]:
    """First answer column and number of classes of a head, and the numbers of three of them."""
    if name not in parts:
        return -1, 0, 0, 0, 0
    part = parts[name]
    one, two, three = (part.classes.index(known) for known in classes)
    return part.answers.start, len(part.classes), one, two, three
