"""The heads' fields as JSON, a whole chunk at once: recurring texts are made once and looked up."""

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract.head_table import HeadPart, Kind, Layout
from models.contract.predictions import MOST_CLASSES
from models.scoring.scores import Scores
from models.serving import text_kernels
from models.serving.text_kernels import SHARE_STEPS, STEPS

#: Kinds of heads whose answer is one probability.
_PROBABILITIES: Final = (Kind.BINARY, Kind.SHARED, Kind.RISK)
_encode = msgspec.json.Encoder().encode
Answers = NDArray[np.float32]
Places = NDArray[np.int64]


class Probabilities:
    """`,"field":0.1234`, one text for each step and field; text 0 where a head does not apply."""

    def __init__(self, parts: list[HeadPart], texts: list[bytes]) -> None:
        self._columns = np.array([part.answers.start for part in parts], dtype=np.int64)
        self._first = len(texts) + (STEPS + 1) * np.arange(len(parts))
        for part in parts:
            begin = b',"%b":' % part.head.field.encode()
            texts += [begin + _encode(step / STEPS) for step in range(STEPS + 1)]

    def __len__(self) -> int:
        """Number of fields."""
        return len(self._columns)

    def fill(self, answers: Answers, places: Places) -> None:
        """Write the first places of texts `[N, ...]`."""
        text_kernels.probabilities(answers, self._columns, self._first, places)


class Distributions:
    """`,"field":{"class":0.61,"other class":0.2}`, likeliest first; one text for each class and share."""

    def __init__(self, parts: list[HeadPart], texts: list[bytes]) -> None:
        self._columns, self._texts = np.zeros((2, len(parts), 2), dtype=np.int64)
        close = b""
        for number, part in enumerate(parts):
            self._columns[number] = part.answers.start, len(part.classes)
            begin = b'%b,"%b":{' % (close, part.head.field.encode())
            self._texts[number, 0], close = _shares(part, begin, texts), b"}"
            self._texts[number, 1] = _shares(part, b",", texts)
        self._close = len(texts)
        texts.append(close)

    def __len__(self) -> int:
        """Number of texts of a click."""
        return MOST_CLASSES * len(self._columns) + 1

    def fill(self, answers: Answers, first: int, places: Places) -> None:
        """Write the places of texts `[N, ...]` from column `first` on."""
        text_kernels.distributions(answers, self._columns, self._texts, MOST_CLASSES, first, places)
        places[:, -1] = self._close


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
        first = len(self._probabilities)
        places = np.empty((len(answers), first + len(self._distributions)), dtype=np.int64)
        self._probabilities.fill(answers, places)
        self._distributions.fill(answers, first, places)
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
