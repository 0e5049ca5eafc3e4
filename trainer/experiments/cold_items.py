"""The gain from content for items that nobody has clicked.

The clicks of some items are held back from training. The next-item figures on the newest sessions are then
computed separately for cold and for known items, by a network with content and by one without.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import quality_metrics
from models.scoring.scorer import NeuralScorer
from models.state.codes import items
from trainer.evaluation.evaluate import answers
from trainer.examples.catalogue_content import CatalogueContent
from trainer.examples.examples import Examples, ExamplesError
from trainer.examples.vectors import Vectors
from trainer.loop.options import Options
from trainer.loop.progress import Report
from trainer.training.learn import learn
from trainer.training.training_inputs import TrainingInputs

Hashes = NDArray[np.uint64]


def cold_items(train: Examples, later: Examples, share: float, seed: int) -> Hashes:
    """Hashes of a random `share` of the items that are targets later. Raises ExamplesError if that is no
    item.
    """
    wanted = np.unique(later.target[np.isin(later.target, items(train.codes)) & (later.target != 0)])
    count = round(len(wanted) * share)
    if not count:
        raise ExamplesError(f"{len(wanted)} items are asked for later: too few to hold {share:.0%} back")
    return np.random.default_rng(seed).choice(wanted, count, replace=False)


def without(train: Examples, cold: Hashes) -> Examples:
    """The training clicks about other items; cold items are removed from the targets as well."""
    left = train.part(~np.isin(items(train.codes), cold))
    return replace(left, target=np.where(np.isin(left.target, cold), np.uint64(0), left.target))


def figures(
    train: Examples,
    later: Examples,
    content: CatalogueContent,
    options: Options,
    share: float,
    report: Report,
) -> dict[str, Any]:
    """recall@20 and mrr@20 on cold and on known targets, of a network with content and of one without.

    The network without content knows the category of cold items, and nothing else about them.
    """
    cold = cold_items(train, later, share, options.seed)
    known = without(train, cold)
    blank = Vectors(content.vectors.ids, np.zeros((len(content.vectors.ids), 1), dtype=np.float32))
    made: dict[str, Any] = {"cold_items": len(cold), "cold_targets": int(np.isin(later.target, cold).sum())}
    for name, kind in (("category", replace(content, vectors=blank)), ("content", content)):
        made[name] = _judged(known, later, kind, options, cold, report)
    return made


def _judged(
    train: Examples,
    later: Examples,
    content: CatalogueContent,
    options: Options,
    cold: Hashes,
    report: Report,
) -> dict[str, float]:
    learned = learn(TrainingInputs(train, later, options, report, content=content))
    scorer = NeuralScorer(learned.network, learned.words, "trial", 1)
    grouped = later.grouped()
    ranks = answers(scorer, grouped).ranks
    is_cold, is_known = np.isin(grouped.target, cold), np.isin(grouped.target, items(train.codes))
    found = {}
    for name, where in (("cold", is_cold), ("known", is_known & (grouped.target != 0))):
        found[f"{name} recall@20"], found[f"{name} mrr@20"] = quality_metrics.at_ranks(ranks[where])
    return found
