"""Session kNN click by click: the same sums as `models.scoring.session_knn`, in hash tables of the click."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

Ints = NDArray[np.int64]
Shorts = NDArray[np.int32]
Floats = NDArray[np.float64]

#: Multiplier of hashes (Knuth), the bits that they keep, and the mark of a free place.
KNUTH, LOW_BITS, FREE = np.int64(2654435761), np.int64(0xFFFF_FFFF), np.int32(-1)


class PastSessions(NamedTuple):
    """The index of past sessions (`models.scoring.session_index`), and decays by number of clicks.

    `ages` [L] are the weights of the session's last items, newest first, `distances` those of a neighbour's
    items by their distance from the shared one. `neighbours` is how many sessions count.
    """

    items: Shorts
    starts: Ints
    postings: Shorts
    bounds: Ints
    recency: NDArray[np.float32]
    idf: NDArray[np.float32]
    ages: Floats
    distances: Floats
    neighbours: int


class Table(NamedTuple):
    """A hash table: a power of 2 of places for keys, the order of `used` ones, and two values of each."""

    keys: Shorts
    used: Ints
    values: Floats
    marks: Ints


@kernel
def place_of(table: Table, key: int) -> int:
    """The place of a key; a free one where it is new."""
    at = ((key * KNUTH) & LOW_BITS) & (len(table.keys) - 1)
    while table.keys[at] != FREE and table.keys[at] != key:
        at = (at + 1) & (len(table.keys) - 1)
    return int(at)


@kernel
def put(table: Table, count: int, key: int, value: float, mark: int) -> int:
    """Add a value to that of a key; a new key gets the mark. How many keys there are then."""
    at = place_of(table, key)
    if table.keys[at] == FREE:
        table.keys[at], table.values[at], table.marks[at], table.used[count] = key, 0.0, mark, at
        count += 1
    table.values[at] += value
    return count


@kernel
def clear(table: Table, count: int) -> None:
    for number in range(count):
        table.keys[table.used[number]] = FREE


@kernel
def recent_items(indices: Ints, place: int, start: int, recent: Ints) -> None:
    """Into `recent` [L] the last known items of a session, newest first; -1 for repetitions and none."""
    found, at = 0, place
    recent[:] = -1
    while at >= start and found < len(recent):
        if indices[at] >= 0:
            repeated = False
            for earlier in range(found):
                repeated = repeated or recent[earlier] == indices[at]
            recent[found] = -1 if repeated else indices[at]
            found += 1
        at -= 1


@kernel
def near_sessions(recent: Ints, sessions: PastSessions, table: Table) -> int:
    """Into the table the weights of the sessions that share an item, with the newest one; their number."""
    count = 0
    for age in range(len(recent)):
        item = recent[age]
        if item >= 0:
            strength = sessions.ages[age] * np.float64(sessions.idf[item])
            for at in range(sessions.bounds[item], sessions.bounds[item + 1]):
                count = put(table, count, sessions.postings[at], strength, item)
    for number in range(count):
        at = table.used[number]
        session = table.keys[at]
        # Of sessions with equal weight the newest come first.
        table.values[at] *= np.float64(sessions.recency[session]) * (1 + 1e-9 * session)
    return count


@kernel
def least_of_best(table: Table, count: int, most: int, heap: Floats) -> float:
    """The least of the `most` highest values, minus infinity where there are no more; `heap` is scratch."""
    if count <= most:
        return -np.inf
    for number in range(count):
        value = table.values[table.used[number]]
        if number < most:
            at = number
            while at > 0 and heap[(at - 1) // 2] > value:
                heap[at] = heap[(at - 1) // 2]
                at = (at - 1) // 2
            heap[at] = value
        elif value > heap[0]:
            sift(heap, most, value)
    return np.float64(heap[0])


@kernel
def sift(heap: Floats, length: int, value: float) -> None:
    """Replace the least value of a heap."""
    at, below = 0, 1
    while below < length:
        if below + 1 < length and heap[below + 1] < heap[below]:
            below += 1
        if heap[below] >= value:
            break
        heap[at] = heap[below]
        at, below = below, 2 * below + 1
    heap[at] = value


@kernel
def add_items(near: Table, at: int, current: int, sessions: PastSessions, table: Table, count: int) -> int:
    """Add the items of the neighbour at a place to a table, but the one on view; how many there are then."""
    session, weight, anchor = near.keys[at], near.values[at], near.marks[at]
    first, last = sessions.starts[session], sessions.starts[session + 1]
    place = first
    while place < last and sessions.items[place] != anchor:
        place += 1
    for other in range(first, last):
        item = sessions.items[other]
        if item != current:
            count = put(table, count, item, weight * sessions.distances[abs(other - place)], 0)
    return count


@kernel
def candidates(
    indices: Ints,
    place: Ints,
    start: Ints,
    current: Ints,
    sessions: PastSessions,
    near: Table,
    found: Table,
    made: tuple[Ints, Shorts, Floats, NDArray[np.bool_]],
) -> None:
    """Flat candidates of N clicks: the items of neighbours and session, those of click i at `bounds[i]`.

    `indices` are the items of the trails' codes, `place` and `start` as in `models.features.trails_kernel`,
    `current` [N] the items on view, which are left out. `near` and `found` are empty tables. `made` are
    `bounds`, items, shares of the neighbours' sum (0 for items that the session only has seen), and seen.
    """
    bounds, items, shares, seen = made
    recent, heap = np.empty(len(sessions.ages), np.int64), np.empty(sessions.neighbours, np.float64)
    written = 0
    bounds[0] = 0
    for click in range(len(place)):
        recent_items(indices, place[click], start[click], recent)
        neighbours = near_sessions(recent, sessions, near)
        count = 0
        for age in range(len(recent)):
            if recent[age] >= 0 and recent[age] != current[click]:
                count = put(found, count, recent[age], 0.0, 1)
        least, kept = least_of_best(near, neighbours, sessions.neighbours, heap), 0
        for number in range(neighbours):
            at = near.used[number]
            if near.values[at] >= least and kept < sessions.neighbours:
                count, kept = add_items(near, at, current[click], sessions, found, count), kept + 1
        clear(near, neighbours)
        written = write(found, count, sessions, written, items, shares, seen)
        clear(found, count)
        bounds[click + 1] = written


@kernel
def write(
    found: Table,
    count: int,
    sessions: PastSessions,
    written: int,
    items: Shorts,
    shares: Floats,
    seen: NDArray[np.bool_],
) -> int:
    """Append the items of a table and their shares of all values; how many are written then."""
    total = 0.0
    for number in range(count):
        at = found.used[number]
        item = found.keys[at]
        # Of items with equal scores the more popular one comes first.
        share = found.values[at] * np.float64(sessions.idf[item]) * (1 - 1e-9 * item)
        items[written + number], shares[written + number], seen[written + number] = (
            item,
            share,
            found.marks[at] == 1,
        )
        total += share
    if total > 0:
        shares[written : written + count] /= total
    return written + count
