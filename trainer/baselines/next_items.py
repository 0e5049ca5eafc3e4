"""Next items without gradients, on a log's own sessions: the counting methods of the papers' protocol.

A version keeps the sessions rather than the tables: they are small, and counting them takes seconds.
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

#: Items of a session so far that a method is given: none looks back further.
LAST = KNN.last_items


def learn(grouped: Examples, words: Vocabulary) -> State:
    """The sessions' known items, oldest session first."""
    numbers = words.lookup(item_hashes(grouped.codes))
    known = numbers >= 0
    session = np.unique(grouped.session[known], return_inverse=True)[1]
    bounds = np.append(0, np.cumsum(np.bincount(session)))
    return {"items": numbers[known].astype(np.int32), "bounds": bounds, "count": len(words.ids)}


def methods(state: State) -> dict[str, Score]:
    """What scores prefixes over all `count` items, by method."""
    sessions = Sessions(state["items"].astype(np.int64), state["bounds"].astype(np.int64))
    return {name: learn(sessions, state["count"]) for name, learn in COUNTING.items()}


def prefixes(grouped: Examples, words: Vocabulary, chosen: NDArray[np.bool_]) -> Sessions:
    """The last known items of the session up to and with each chosen click [N], as a session each."""
    numbers = words.lookup(item_hashes(grouped.codes))
    known = numbers >= 0
    # Known clicks up to and with each, and before its session.
    seen: Ints = np.cumsum(known)
    starts = np.flatnonzero(np.diff(grouped.session, prepend=-1))
    before: Ints = (seen - known)[starts][np.unique(grouped.session, return_inverse=True)[1]]
    stops: Ints = seen[chosen]
    sizes: Ints = np.minimum(stops - before[chosen], LAST)
    places = expand(stops - sizes, stops)[1]
    return Sessions(numbers[known][places].astype(np.int64), np.append(0, np.cumsum(sizes)))
