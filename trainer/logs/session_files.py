"""Next-item data in the form that papers share: one session of item ids in each line; a prefix and its
target.

This form is used for Diginetica, RetailRocket and others (`*_train_sessions.txt`, `*_test.txt`, each also
.gz).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.tables.log_error import LogError
from trainer.tables.unpacking import unpacked

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sessions:
    """S sessions of item numbers, oldest first: those of session s are `items[bounds[s]:bounds[s + 1]]`."""

    items: Ints
    bounds: Ints

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def numbers(self) -> Ints:
        """The session number of each item."""
        return np.repeat(np.arange(len(self)), np.diff(self.bounds))

    def part(self, start: int, stop: int) -> "Sessions":
        """The sessions from start to stop."""
        bounds = self.bounds[start : stop + 1]
        return Sessions(self.items[bounds[0] : bounds[-1]], bounds - bounds[0])

    def chosen(self, sessions: Ints) -> "Sessions":
        """Some of the sessions, by number."""
        lengths = np.diff(self.bounds)[sessions]
        bounds = np.append(0, np.cumsum(lengths))
        places = np.arange(bounds[-1]) - np.repeat(bounds[:-1] - self.bounds[sessions], lengths)
        return Sessions(self.items[places], bounds)

    def recent(self, length: int) -> Ints:
        """The last items of each session `[S, length]`, newest first, padded with -1."""
        back = self.bounds[1:, None] - 1 - np.arange(length)
        inside = back >= self.bounds[:-1, None]
        return np.where(inside, np.append(self.items, -1)[np.where(inside, back, -1)], -1)

    def prefixes(self) -> tuple["Sessions", Ints]:
        """All prefixes of all sessions as sessions, and the item that came next."""
        lengths = np.diff(self.bounds)
        counts = np.maximum(lengths - 1, 0)
        start = np.repeat(self.bounds[:-1], counts)
        size = 1 + np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        bounds = np.append(0, np.cumsum(size))
        places = np.arange(bounds[-1]) - np.repeat(bounds[:-1] - start, size)
        return Sessions(self.items[places], bounds), self.items[start + size]


@dataclass(frozen=True, slots=True)
class Split:
    """`ids` [V] are the items of the training sessions; `targets` [T] follow `prefixes`, -1: not in training.

    Items of a prefix that are not in training are left out, so a prefix may be empty.
    """

    ids: tuple[str, ...]
    train: Sessions
    prefixes: Sessions
    targets: Ints


def read(train: Path, test: Path) -> Split:
    """Read both files. Raises LogError with the line that does not fit."""
    sessions = [line.split() for line in _lines(train)]
    cases = [_case(test, number, line) for number, line in enumerate(_lines(test), 1)]
    # dict.fromkeys keeps the order of first occurrence, so numbers do not depend on hashing.
    index = {item: number for number, item in enumerate(dict.fromkeys(i for s in sessions for i in s))}
    known = [[index[item] for item in prefix if item in index] for prefix, _ in cases]
    targets = np.array([index.get(target, -1) for _, target in cases], dtype=np.int64)
    learned = [[index[item] for item in session] for session in sessions]
    return Split(tuple(index), _packed(learned), _packed(known), targets)


def _packed(sessions: list[list[int]]) -> Sessions:
    items = np.array([item for session in sessions for item in session], dtype=np.int64)
    return Sessions(items, np.append(0, np.cumsum([len(session) for session in sessions])).astype(np.int64))


def _case(path: Path, number: int, line: str) -> tuple[list[str], str]:
    prefix, tab, target = line.partition("\t")
    if not tab or not prefix.split() or len(target.split()) != 1:
        raise LogError(
            f"line {number:,} of {path.name} is {line[:60]!r}; expected item ids, a tab, the next item"
        )
    return prefix.split(), target.strip()


def _lines(path: Path) -> list[str]:
    try:
        with unpacked(path).open(encoding="utf-8") as file:
            lines = [line.rstrip("\n") for line in file if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise LogError(
            f"{path} cannot be read ({error}); expected lines of item ids, .gz or plain"
        ) from error
    if not lines:
        raise LogError(f"{path} has no line; expected a session of item ids in each")
    return lines
