"""Sample clicks from the session index of a version, by which its retrieval index is selected."""

import numpy as np

from models.contract.events import EVENT_CODES
from models.features import features
from models.features.batch import Batch
from models.features.vocabulary import Vocabulary
from models.scoring.session_index import SessionIndex
from models.state.codes import CODE, item_hash
from models.state.segments import expand, rank_in_group
from models.state.visitor import KEPT_CODES

#: Number of sessions, evenly spread over those of the index.
SESSIONS = 1_000


def views(index: SessionIndex, words: Vocabulary) -> Batch:
    """Past sessions as views of their items; all other inputs are 0."""
    count = len(index.starts) - 1
    chosen = np.unique(np.linspace(0, count - 1, min(count, SESSIONS)).astype(np.int64))
    starts = index.starts[chosen].astype(np.int64)
    stops = np.minimum(index.starts[chosen + 1], starts + KEPT_CODES)
    slot, at = expand(starts, stops)
    items = index.items[at]
    codes = np.zeros(len(items), dtype=CODE)
    hashes = {item: item_hash(words.ids[item]) for item in np.unique(items).tolist()}
    codes["item"] = [hashes[item] for item in items.tolist()]
    codes["category"] = words.categories[items]
    codes["event"] = EVENT_CODES["view_item"]
    position = (rank_in_group(slot) + 1).astype(np.int32)
    rows = np.zeros((len(items), len(features.NAMES)), dtype=np.float32)
    empty, zeros = [b""] * len(chosen), [0] * len(chosen)
    return Batch(
        codes, slot.astype(np.int32), position == 1, position, rows, empty, zeros, zeros, zeros, empty
    )
