"""Index of past sessions for session kNN: the items of a session, and the sessions of an item."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.state.segments import rank_in_group

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NeighbourSettings:
    """Bounds and decays of session kNN.

    A session weighs exp(-age / `recency_days`), where its age is relative to the newest session.
    """

    last_items: int = 6
    sessions_per_item: int = 64
    neighbours: int = 60
    longest: int = 20
    item_decay: float = 1.5
    distance_decay: float = 2.0
    recency_days: float = 30.0


@dataclass(frozen=True, slots=True)
class SessionIndex:
    """Sessions as ragged arrays.

    `items[starts[s]:starts[s + 1]]` are the items of session s, in order; the newest session is the last.
    `postings[bounds[i]:bounds[i + 1]]` are the newest sessions that have item i, newest first. `recency` [S]
    are the weights of sessions, `idf` [V] those of items.
    """

    items: NDArray[np.int32]
    starts: Ints
    postings: NDArray[np.int32]
    bounds: Ints
    recency: NDArray[np.float32]
    idf: NDArray[np.float32]


def build(sessions: Ints, items: Ints, days: Floats, count: int, settings: NeighbourSettings) -> SessionIndex:
    """An index from clicks in time order: session number, item index (of `count`), time in days of each.

    An item counts once a session, where it was first seen; sessions of one item are left out.
    """
    _, first = np.unique(sessions * count + items, return_index=True)
    first.sort()
    sessions, items, days = sessions[first], items[first], days[first]
    order = np.argsort(sessions, kind="stable")
    kept = order[
        (np.bincount(sessions)[sessions[order]] > 1) & (rank_in_group(sessions[order]) < settings.longest)
    ]
    sessions, items, days = sessions[kept], items[kept], days[kept]
    ends = _session_ends(sessions, days)
    by_age = np.argsort(ends, kind="stable")
    renumber = np.empty(len(ends), dtype=np.int64)
    renumber[by_age] = np.arange(len(ends))
    sessions = renumber[np.unique(sessions, return_inverse=True)[1]]
    order = np.argsort(sessions, kind="stable")
    return _index(sessions[order], items[order], ends[by_age], count, settings)


def _session_ends(sessions: Ints, days: Floats) -> Floats:
    last = np.flatnonzero(np.diff(sessions, append=-1))
    return days[last]


def _index(
    sessions: Ints, items: Ints, ends: Floats, count: int, settings: NeighbourSettings
) -> SessionIndex:
    starts = np.searchsorted(sessions, np.arange(len(ends) + 1))
    newest_first = np.lexsort((-sessions, items))
    newest_first = newest_first[rank_in_group(items[newest_first]) < settings.sessions_per_item]
    bounds = np.searchsorted(items[newest_first], np.arange(count + 1))
    frequency = np.bincount(items, minlength=count)
    idf = np.log1p(len(ends) / np.maximum(frequency, 1)).astype(np.float32)
    recency = np.exp((ends - ends.max(initial=0)) / settings.recency_days).astype(np.float32)
    return SessionIndex(
        items.astype(np.int32), starts, sessions[newest_first].astype(np.int32), bounds, recency, idf
    )
