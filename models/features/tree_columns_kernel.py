"""The columns of trees, click by click: dense features, ranks of names, the event, and previous clicks."""

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

#: First bits of a code's fields in its second word; the category has the lowest 32.
EVENT_AT, DWELL_AT, FLAGS_AT = map(np.uint64, (32, 40, 56))
CATEGORY_MASK, BYTE, PAGE_FLAG, NOTHING = map(np.uint64, (0xFFFF_FFFF, 0xFF, 64, 0))


@kernel
def fill(
    words: Words,
    features: Floats,
    before: Floats,
    dense: Ints,
    countries: Ints,
    names: tuple[Words, Floats, Ints],
    out: Floats,
) -> None:
    """Into `out` [N, C] the columns of codes [N, 2], feature rows [N, F] and `previous` clicks [N, P].

    `dense` and `countries` are columns of the features. `names` are the known names of item, page, category
    and country in ascending order, their ranks, and the bounds [5] of the four kinds.
    """
    for click in range(len(words)):
        row, columns = features[click], out[click]
        for place in range(len(dense)):
            columns[place] = row[dense[place]]
        at = len(dense)
        item, word = words[click, 0], words[click, 1]
        page = ((word >> FLAGS_AT) & PAGE_FLAG) > NOTHING
        columns[at] = rank(NOTHING if page else item, names, 0)
        columns[at + 1] = rank(item if page else NOTHING, names, 1)
        columns[at + 2] = rank(word & CATEGORY_MASK, names, 2)
        columns[at + 3] = rank(np.uint64(first_highest(row, countries)), names, 3)
        columns[at + 4] = np.float32((word >> EVENT_AT) & BYTE)
        columns[at + 5 :] = before[click]


@kernel
def rank(name: np.uint64, names: tuple[Words, Floats, Ints], kind: int) -> np.float32:
    """The rank of a name; for a name without a rank, the number of ranked names of its kind."""
    known, ranks, bounds = names
    low, high = bounds[kind], bounds[kind + 1]
    while low < high:
        middle = (low + high) // 2
        if known[middle] < name:
            low = middle + 1
        else:
            high = middle
    if low < bounds[kind + 1] and known[low] == name:
        return np.float32(ranks[low])
    return np.float32(bounds[kind + 1] - bounds[kind])


@kernel
def first_highest(row: Floats, columns: Ints) -> int:
    """The number of the first column with the highest value."""
    best = 0
    for place in range(1, len(columns)):
        if row[columns[place]] > row[columns[best]]:
            best = place
    return best


@kernel
def previous(
    trail: Words, place: Ints, start: Ints, steps: Ints, count: int, window: int, back: int, out: Floats
) -> None:
    """Into `out` [N, 2 B + 2 S] what came before each click in its session; B is `back`, S is `count`.

    Event and dwell of its last B clicks, -1 for none; then, over its last `window` clicks with this one, how
    often each step was done, and how many clicks ago it was done last (`window`: not done). `steps` numbers
    the step of each code of `trail`; S or more: none. `trail`, `place` and `start` are those of
    `models.features.trails_kernel`.
    """
    out[:, 2 * back : 2 * back + count] = 0
    out[:, 2 * back + count :] = window
    for click in range(len(place)):
        row, here = out[click], place[click]
        for ago in range(1, back + 1):
            at = here - ago
            if at >= start[click]:
                row[2 * ago - 2] = np.float32((trail[at, 1] >> EVENT_AT) & BYTE)
                row[2 * ago - 1] = np.float32((trail[at, 1] >> DWELL_AT) & BYTE)
            else:
                row[2 * ago - 2 : 2 * ago] = -1
        for at in range(max(start[click], here - window + 1), here + 1):
            if steps[at] < count:
                row[2 * back + steps[at]] += 1
                row[2 * back + count + steps[at]] = here - at


@kernel
def numbered(words: Words, page_view: int, names: tuple[Words, Floats, Ints], kind: int, out: Ints) -> None:
    """Into `out` [N] the number of the step of each code [N, 2]; the number of all steps for other ones."""
    for at in range(len(words)):
        event = (words[at, 1] >> EVENT_AT) & BYTE
        page = ((words[at, 1] >> FLAGS_AT) & PAGE_FLAG) > NOTHING
        seen = page and event == np.uint64(page_view)
        out[at] = np.int64(rank(words[at, 0] if seen else event, names, kind))
