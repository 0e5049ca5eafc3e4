"""What a version counts in a log: vocabulary, session index, and how often visitors buy."""

import numpy as np
from numpy.typing import NDArray

from models.contract.events import EVENT_CODES, INTEREST
from models.durations import DAY_MS
from models.features import features
from models.features.vocabulary import Vocabulary
from models.scoring import session_index
from models.scoring.rates import StageRates
from models.state.codes import items
from models.state.pane_counts import weight
from trainer.examples.catalogue_content import CatalogueContent
from trainer.examples.examples import Examples, ExamplesError

#: Largest vocabulary; other items share hashed buckets.
MOST_ITEMS = 20_000
#: Clicks of the newest sessions in the session index.
INDEXED_CLICKS = 300_000
_INTEREST = [EVENT_CODES[name] for name in sorted(INTEREST)]
#: What counts in a log that has no sign of interest at all, as one of ratings has none.
_STAND_INS = [EVENT_CODES[name] for name in ("page_view", "begin_checkout", "add_payment_info", "rate_item")]
_WEIGHTS = {
    EVENT_CODES["add_to_cart"]: weight(0, 1, 0),
    EVENT_CODES["purchase"]: weight(0, 0, 1),
}


def vocabulary(
    examples: Examples, most: int = MOST_ITEMS, content: CatalogueContent | None = None
) -> tuple[Vocabulary, NDArray[np.int64]]:
    """The items with the largest weights and their latest categories, and the weights [V]; then items that
    have content only.

    Raises ExamplesError if no event names an item.
    """
    with_item = examples.codes[items(examples.codes) != 0]
    if not len(with_item):
        raise ExamplesError("no event of the log names an item; map its column: --map item_id=COLUMN")
    hashes, inverse = np.unique(with_item["item"], return_inverse=True)
    worth = np.ones(256, dtype=np.int64)
    worth[list(_WEIGHTS)] = list(_WEIGHTS.values())
    counted = np.where(_interest(with_item["event"]), worth[with_item["event"]], 0)
    weights = np.bincount(inverse, counted, minlength=len(hashes)).astype(np.int64)
    categories = np.zeros(len(hashes), dtype=np.uint32)
    categories[inverse] = with_item["category"]
    chosen = np.lexsort((hashes, -weights))[:most]
    ids = [examples.items[item] for item in hashes[chosen].tolist()]
    cold = content.beside(ids)[: most - len(ids)] if content else []
    known = [*categories[chosen].tolist(), *(category for _, category in cold)]
    worths = np.append(weights[chosen], np.zeros(len(cold), dtype=np.int64))
    return Vocabulary.build([*ids, *(item for item, _ in cold)], known), worths


def _interest(events: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of a log's events of items are a sign of interest."""
    interest = np.isin(events, _INTEREST)
    return interest if interest.any() else np.isin(events, _STAND_INS)


def index(
    examples: Examples, words: Vocabulary, settings: session_index.NeighbourSettings
) -> session_index.SessionIndex:
    """The session index over the newest sessions."""
    known = words.lookup(items(examples.codes))
    named = np.flatnonzero(known >= 0)
    kept = named[_interest(examples.codes["event"][named])][-INDEXED_CLICKS:]
    days = examples.ts[kept] / DAY_MS
    return session_index.build(examples.session[kept], known[kept], days, len(words.ids), settings)


def rates(examples: Examples) -> StageRates:
    """Share of sessions that buy from each stage on."""
    return StageRates.count(features.stages(examples.features), examples.buys.astype(np.float32))
