"""What a version knows of a log: its items, its sessions, how often people buy, a network that learned it."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.contract.events import EVENT_CODES
from models.durations import DAY_MS
from models.features import features
from models.features.vocabulary import Vocabulary
from models.network.network import Network
from models.registry.registry import Version
from models.scoring import session_index
from models.scoring.rates import StageRates
from models.state.codes import items
from models.state.tallies import weight
from trainer.examples.catalogue_content import CatalogueContent
from trainer.examples.examples import Examples, ExamplesError
from trainer.fitting import rating_means
from trainer.fitting.distillation import distilled, own
from trainer.fitting.fit import Journal, Report, fit, initial
from trainer.fitting.head_losses import initialise
from trainer.fitting.warm_start import Held, begin
from trainer.logs.lineage import LEARNED_UNTIL, began, learned_until
from trainer.loop import distributed
from trainer.loop.data import Data, prepare
from trainer.loop.options import Options
from trainer.loop.progress import best
from trainer.loop.targets import NO_HEADS, HeadPlan, plan

#: Items a version knows; the rest share hashed buckets.
MOST_ITEMS = 20_000
#: Clicks of the newest sessions that the neighbours' index keeps.
INDEXED_CLICKS = 300_000
_WEIGHTS = {EVENT_CODES["add_to_cart"]: weight(0, 1, 0), EVENT_CODES["purchase"]: weight(0, 0, 1)}


def vocabulary(
    examples: Examples, most: int = MOST_ITEMS, content: CatalogueContent | None = None
) -> tuple[Vocabulary, NDArray[np.int64]]:
    """The most wanted items with their latest categories, and weights [V]; then those with content alone.

    Raises ExamplesError for none.
    """
    with_item = examples.codes[items(examples.codes) != 0]
    if not len(with_item):
        raise ExamplesError("no event of the log names an item; map its column: --map item_id=COLUMN")
    hashes, inverse = np.unique(with_item["item"], return_inverse=True)
    worth = np.ones(256, dtype=np.int64)
    worth[list(_WEIGHTS)] = list(_WEIGHTS.values())
    weights = np.bincount(inverse, worth[with_item["event"]], minlength=len(hashes)).astype(np.int64)
    categories = np.zeros(len(hashes), dtype=np.uint32)
    categories[inverse] = with_item["category"]
    chosen = np.lexsort((hashes, -weights))[:most]
    ids = [examples.items[item] for item in hashes[chosen].tolist()]
    cold = content.beside(ids)[: most - len(ids)] if content else []
    known = [*categories[chosen].tolist(), *(category for _, category in cold)]
    worths = np.append(weights[chosen], np.zeros(len(cold), dtype=np.int64))
    return Vocabulary.build([*ids, *(item for item, _ in cold)], known), worths


def index(
    examples: Examples, words: Vocabulary, settings: session_index.NeighbourSettings
) -> session_index.SessionIndex:
    """The neighbours' index over the newest sessions."""
    known = words.lookup(items(examples.codes))
    kept = np.flatnonzero(known >= 0)[-INDEXED_CLICKS:]
    days = examples.ts[kept] / DAY_MS
    return session_index.build(examples.session[kept], known[kept], days, len(words.ids), settings)


def rates(examples: Examples) -> StageRates:
    """How often people buy from each stage of a session on."""
    stages = features.stages(examples.features[examples.judged])
    return StageRates.count(stages, examples.buys[examples.judged].astype(np.float32))


class Learned(NamedTuple):
    """A trained network, the items it knows, and their weights `[V]`; `said` is what a version tells of it.

    `epochs` made its weights, or those of each network that learned (`ensemble.own`), in `seconds` together.
    """

    network: Network
    words: Vocabulary
    weights: NDArray[np.int64]
    said: dict[str, Any]
    epochs: tuple[int, ...]
    seconds: float


def learn(
    train: Examples,
    valid: Examples | None,
    options: Options,
    report: Report,
    journal: Journal | None = None,
    start: Version | None = None,
    content: CatalogueContent | None = None,
    first: Learned | None = None,
) -> Learned:
    """Train on `train`, stop and calibrate on `valid`; begin where the version `start` ended.

    Without `valid` each network learns for as many epochs as those of `first`, which has its heads as well,
    and is not calibrated. With `content`, items have its vectors, and those that were never clicked can be
    recommended.

    Raises WarmStartError and CheckpointError.
    """
    journals = [(journal or Journal()).of(number) for number in range(options.networks)]
    words, weights = vocabulary(train, content=content)
    planned = HeadPlan.of(first.network.config) if first else _plan(train, options)
    data = prepare(train, words, options.longest, planned)
    judged_on = None if valid is None else prepare(valid, words, options.longest, planned)
    vectors = content.vectors if content else None
    known = 0

    def begun(data: Data, number: int) -> tuple[Network, Held]:
        nonlocal known
        mine = own(options, number)
        network = initial(words, weights, data, mine, planned, vectors)
        if network.tasks is not None and data.tasks is not None:
            initialise(network.tasks, train.grouped())
            rating_means.learn(network, train.grouped(), data)
        source = None if number and options.teacher_width else start
        known, held = begin(network, words, source, mine.freeze)
        return network, held

    def member(data: Data, number: int) -> Network:
        network, held = begun(data, number)
        how = own(options, number)
        how = replace(how, epochs=first.epochs[number]) if first else how
        return fit(network, data, judged_on, how, report, journals[number], held)

    if options.teacher_width:
        # What the kept network cannot begin with is said before its teachers have learned.
        begun(data, 0)
    network = distilled(member, data, options)
    told = {"version": start.id, "known items": known, "items": len(words.ids)} if start else None
    said: dict[str, Any] = {LEARNED_UNTIL: max(began(train), learned_until(start.metrics) if start else 0)}
    said |= {"started from": told} if told else {}
    # How long each learned, where nothing has judged it, is how many epochs it made.
    lasted = [best(one.curve).epoch if judged_on else one.curve[-1].epoch for one in journals]
    epochs = tuple(1 + int(distributed.first_says(epoch)) for epoch in lasted)
    seconds = distributed.first_says(sum(one.seconds for one in journals))
    return Learned(network.cpu(), words, weights, said, epochs, seconds)


def _plan(train: Examples, options: Options) -> HeadPlan:
    return plan(train, options.churn_days) if options.heads_weight else NO_HEADS
