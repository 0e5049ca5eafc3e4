"""The heads' fields as JSON, a whole chunk at once: recurring texts are made once and looked up."""

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract.head_table import HeadPart, Kind, Layout
from models.contract.predictions import MOST_CLASSES
from models.scoring.scores import Scores

#: Steps of published probabilities (to the nearest, as `decision.published` does), and of shares.
STEPS: Final = 10_000
SHARE_STEPS: Final = 100
#: The likeliest class is always published, others from this share on.
LEAST_SHARE: Final = 0.1

#: Kinds of heads whose answer is one probability.
_PROBABILITIES: Final = (Kind.BINARY, Kind.SHARED, Kind.RISK)
_encode = msgspec.json.Encoder().encode
Answers = NDArray[np.float32]
Places = NDArray[np.int64]


class Probabilities:
    """`,"field":0.1234`, one text for each step and field; text 0 where a head does not apply."""

    def __init__(self, parts: list[HeadPart], texts: list[bytes]) -> None:
        self._columns = [part.answers.start for part in parts]
        self._first = len(texts) + (STEPS + 1) * np.arange(len(parts))
        for part in parts:
            begin = b',"%b":' % part.head.field.encode()
            texts += [begin + _encode(step / STEPS) for step in range(STEPS + 1)]

    def __call__(self, answers: Answers) -> Places:
        """Places of texts `[N, fields]`."""
        steps = np.rint(answers[:, self._columns].astype(np.float64) * STEPS)
        return np.where(np.isnan(steps), 0, self._first + steps).astype(np.int64)


class Distributions:
    """`,"field":{"class":0.61,"other class":0.2}`, likeliest first; one text for each class and share."""

    def __init__(self, parts: list[HeadPart], texts: list[bytes]) -> None:
        widest = max((len(part.classes) for part in parts), default=0)
        # Columns by distribution, padded with the column that `__call__` appends.
        self._columns = np.full((len(parts), widest), -1)
        self._first, self._next = np.zeros((2, len(parts)), dtype=np.int64)
        close = b""
        for number, part in enumerate(parts):
            self._columns[number, : len(part.classes)] = np.r_[part.answers]
            begin = b'%b,"%b":{' % (close, part.head.field.encode())
            self._first[number], close = _shares(part, begin, texts), b"}"
            self._next[number] = _shares(part, b",", texts)
        self._close = len(texts)
        texts.append(close)

    def __call__(self, answers: Answers) -> Places:
        """Places of texts `[N, distributions * classes named + 1]`."""
        least = np.full((len(answers), 1), -1, dtype=np.float32)
        left = np.concatenate([answers, least], 1)[:, self._columns]
        made = []
        for rank in range(MOST_CLASSES if left.size else 0):
            best = left.argmax(2)[:, :, None]
            share = np.take_along_axis(left, best, 2)
            np.put_along_axis(left, best, -1, 2)
            # Cut, not rounded: no class may exceed the event that it is a part of.
            cut = np.rint(share.astype(np.float64) * STEPS).astype(np.int64) // (STEPS // SHARE_STEPS)
            steps = cut + (SHARE_STEPS + 1) * best
            first = self._next if rank else self._first
            named = np.where(share >= (LEAST_SHARE if rank else 0), first[:, None] + steps, 0)
            made.append(named)
        places = np.concatenate(made, 2).reshape(len(answers), -1) if made else np.empty((len(answers), 0))
        return np.pad(places.astype(np.int64), ((0, 0), (0, 1)), constant_values=self._close)


def _shares(part: HeadPart, begin: bytes, texts: list[bytes]) -> int:
    """Add a text for each class and share; the first one's place."""
    place, shares = len(texts), [_encode(step / SHARE_STEPS) for step in range(SHARE_STEPS + 1)]
    texts += [begin + _encode(name) + b":" + share for name in part.classes for share in shares]
    return place


def _amounts(part: HeadPart) -> Callable[[Answers], list[bytes]]:
    column, text = part.answers.start, b',"%b":%%.2f' % part.head.field.encode()

    def write(answers: Answers) -> list[bytes]:
        values = answers[:, column].tolist()
        return [text % value if value == value else b"" for value in values]

    return write


class HeadTexts:
    """The texts of one layout."""

    def __init__(self, layout: Layout) -> None:
        texts = [b""]
        said = [part for part in layout.parts if part.head.name not in layout.silent]
        parts = {kind: [part for part in said if part.head.kind is kind] for kind in Kind}
        self.layout = layout
        self._probabilities = Probabilities([part for kind in _PROBABILITIES for part in parts[kind]], texts)
        self._distributions = Distributions(parts[Kind.CLASSES], texts)
        self._amounts = list(map(_amounts, parts[Kind.AMOUNT] + parts[Kind.RATING]))
        self._texts = np.empty(len(texts), dtype=object)
        self._texts[:] = texts

    def write(self, answers: Answers) -> list[bytes]:
        """A piece of JSON for every click."""
        places = np.concatenate([self._probabilities(answers), self._distributions(answers)], 1)
        rows = map(b"".join, self._texts[places].tolist())
        amounts = [write(answers) for write in self._amounts]
        return list(map(b"".join, zip(rows, *amounts, strict=True))) if amounts else list(rows)


class HeadsEncoder:
    """Writes the heads' fields of `purchase-intent`; caches the texts of the latest layout."""

    def __init__(self) -> None:
        self._latest: HeadTexts | None = None

    def texts(self, scores: Scores) -> list[bytes]:
        """A piece of JSON for every click, a comma before each field; empty below the neural tier."""
        if scores.tasks is None or scores.layout is None:
            return [b""] * len(scores.purchase)
        latest = self._latest
        if latest is None or latest.layout is not scores.layout:
            latest = self._latest = HeadTexts(scores.layout)
        return latest.write(scores.tasks)
