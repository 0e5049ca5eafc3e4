"""The next-item baselines of `next_item.py` on the sessions of a log.

A version stores the sessions instead of the counted tables: sessions are small, and counting takes seconds.
"""

import numpy as np
from numpy.typing import NDArray

from models.features.vocabulary import Vocabulary
from models.state.codes import items as item_hashes
from models.state.segments import expand
from trainer.baselines.baseline_kinds import State
from trainer.baselines.next_item import COUNTING, KNN
from trainer.baselines.ranking import Score
from trainer.examples.examples import Examples
from trainer.logs.session_files import Ints, Sessions

#: Latest items of a session that a method receives: no method uses more.
LAST = KNN.last_items


def learn(grouped: Examples, words: Vocabulary) -> State:
    """The known items of each session, oldest session first, as arrays."""
    numbers = words.lookup(item_hashes(grouped.codes))
    known = numbers >= 0
    session = np.unique(grouped.session[known], return_inverse=True)[1]
    bounds = np.append(0, np.cumsum(np.bincount(session)))
    return {"items": numbers[known].astype(np.int32), "bounds": bounds, "count": len(words.ids)}


def methods(state: State) -> dict[str, Score]:
    """A scoring function by method; it scores session prefixes over all `count` items."""
    sessions = Sessions(state["items"].astype(np.int64), state["bounds"].astype(np.int64))
    return {name: learn(sessions, state["count"]) for name, learn in COUNTING.items()}


def prefixes(grouped: Examples, words: Vocabulary, chosen: NDArray[np.bool_]) -> Sessions:
    """For each chosen click `[N]`, the last known items of its session up to and including it, as one session
    each.
    """
    numbers = words.lookup(item_hashes(grouped.codes))
    known = numbers >= 0
    # Number of known clicks up to and including each click, and before its session.
    seen: Ints = np.cumsum(known)
    starts = np.flatnonzero(np.diff(grouped.session, prepend=-1))
    before: Ints = (seen - known)[starts][np.unique(grouped.session, return_inverse=True)[1]]
    stops: Ints = seen[chosen]
    sizes: Ints = np.minimum(stops - before[chosen], LAST)
    places = expand(stops - sizes, stops)[1]
    return Sessions(numbers[known][places].astype(np.int64), np.append(0, np.cumsum(sizes)))
