"""A whole model version from examples: vocabulary, network, session index, popularity, base rates."""

from dataclasses import asdict, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import features, metrics, session_index
from models.codes import items
from models.events import EVENT_CODES
from models.network import Network
from models.popularity import weight
from models.rates import StageRates
from models.registry import Parts, Version
from models.scores import Scorer
from models.vocabulary import Vocabulary
from trainer import blending, stacking
from trainer.content import Content
from trainer.data import Data, prepare
from trainer.ensemble import distilled, own
from trainer.evaluate import answers, judge_all, rungs
from trainer.examples import Examples, ExamplesError
from trainer.fit import Journal, Report, fit, initial
from trainer.heads import NO_HEADS, initialise, plan
from trainer.options import Options
from trainer.picture import picture
from trainer.warm import Held, begin

#: Items a version knows; the rest share hashed buckets.
MOST_ITEMS = 20_000
DAY_MS = 86_400_000
#: Clicks of the newest sessions that the neighbours' index keeps.
INDEXED_CLICKS = 300_000
_WEIGHTS = {EVENT_CODES["add_to_cart"]: weight(0, 1, 0), EVENT_CODES["purchase"]: weight(0, 0, 1)}


def vocabulary(
    examples: Examples, most: int = MOST_ITEMS, content: Content | None = None
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


def index(examples: Examples, words: Vocabulary, settings: session_index.Settings) -> session_index.Index:
    """The neighbours' index over the newest sessions."""
    known = words.lookup(items(examples.codes))
    kept = np.flatnonzero(known >= 0)[-INDEXED_CLICKS:]
    days = examples.ts[kept] / DAY_MS
    return session_index.build(examples.session[kept], known[kept], days, len(words.ids), settings)


class Learned(NamedTuple):
    """A trained network, the items it knows, and their weights `[V]`; `known` of them came with the start."""

    network: Network
    words: Vocabulary
    weights: NDArray[np.int64]
    known: int


def learn(
    train: Examples,
    valid: Examples,
    options: Options,
    report: Report,
    journal: Journal | None = None,
    start: Version | None = None,
    content: Content | None = None,
) -> Learned:
    """Train on `train`, stop and calibrate on `valid`; begin where the version `start` ended.

    With `content`, items have its vectors, and those that were never clicked can be recommended.

    Raises WarmStartError and CheckpointError.
    """
    words, weights = vocabulary(train, content=content)
    planned = plan(train, options.churn_days) if options.heads_weight else NO_HEADS
    data = prepare(train, words, options.longest, planned)
    judged_on = prepare(valid, words, options.longest, planned)
    vectors = content.vectors if content else None
    known = 0

    def begun(data: Data, number: int) -> tuple[Network, Held]:
        nonlocal known
        mine = own(options, number)
        network = initial(words, weights, data, mine, planned, vectors)
        if network.tasks is not None and data.tasks is not None:
            initialise(network.tasks, train.grouped(), data.tasks)
        source = None if number and options.teacher_width else start
        known, held = begin(network, words, source, mine.freeze)
        return network, held

    def member(data: Data, number: int) -> Network:
        network, held = begun(data, number)
        return fit(
            network, data, judged_on, own(options, number), report, journal and journal.of(number), held
        )

    if options.teacher_width:
        # What the kept network cannot begin with is said before its teachers have learned.
        begun(data, 0)
    network = distilled(member, data, options)
    return Learned(network.cpu(), words, weights, known)


def build(
    train: Examples,
    valid: Examples,
    options: Options,
    report: Report,
    journal: Journal | None = None,
    start: Version | None = None,
    content: Content | None = None,
) -> Parts:
    """A version of what `learn` makes; metrics are the serving scorers' on `valid`."""
    network, words, weights, known = learn(train, valid, options, report, journal, start, content)
    settings = session_index.Settings()
    stages = features.stages(train.features[train.judged])
    parts = Parts(
        network=network,
        vocabulary=words,
        index=index(train, words, settings),
        settings=settings,
        popularity=weights,
        rates=StageRates.count(stages, train.buys[train.judged].astype(np.float32)),
        metrics={"options": asdict(options), "clicks": {"train": len(train), "valid": len(valid)}},
        curve=picture(journal.curve) if journal else b"",
    )
    if options.trees == "learn":
        parts = replace(parts, forest=stacking.learn(network, words, train, valid, options))
    if options.blend == "learn":
        parts = replace(parts, blend=blending.learn(parts, valid))
    if start:
        parts.metrics["started from"] = {"version": start.id, "known items": known, "items": len(words.ids)}
    scorers = rungs(parts)
    judged = {"threshold": _threshold(scorers["neural"], valid)} | judge_all(scorers, valid)
    return replace(
        parts, metrics=parts.metrics | judged | {"blend": asdict(parts.blend) if parts.blend else None}
    )


def _threshold(scorer: Scorer, valid: Examples) -> float:
    """Purchase probability from which on "buys" has the best F1 on validation."""
    grouped = valid.grouped()
    judged = grouped.judged
    return metrics.best_threshold(answers(scorer, grouped).purchase[judged], grouped.buys[judged])
