"""Quality of each fallback tier on unseen clicks, computed through the scorers that serve."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import quality_metrics
from models.registry.registry import Parts
from models.scoring.blend import Hybrid
from models.scoring.popularity import Popularity
from models.scoring.scorer import NeuralScorer
from models.scoring.scores import TOP, Scorer, Scores
from models.scoring.session_knn import NeighbourScorer
from models.state.codes import item_hash
from trainer.evaluation.bootstrap import by_session
from trainer.examples.examples import Examples

#: Clicks in a batch; a session is never divided between batches.
BATCH = 4_000


class Evaluation(NamedTuple):
    """Purchase intent on all clicks except purchases; next item on clicks that a different item follows.

    In `session_auc` and `session_average_precision` sessions count alike (`bootstrap.by_session`).
    """

    auc: float
    average_precision: float
    brier: float
    recall_20: float
    mrr_20: float
    session_auc: float
    session_average_precision: float


def tiers(parts: Parts) -> dict[str, Scorer]:
    """The scorers of each fallback tier, for a version that has not been saved yet."""
    words = parts.vocabulary
    prior = zip(words.ids, words.categories.tolist(), parts.popularity.tolist(), strict=True)
    near = NeighbourScorer(parts.index, words, parts.rates, "trial", parts.settings)
    hybrid = Hybrid(near, parts.blend) if parts.blend else None
    trees = parts.forest, parts.head_forests
    return {
        "neural": NeuralScorer(parts.network, words, "trial", 1, "cpu", hybrid, *trees),
        "session_knn": near,
        "popular_in_category": Popularity(prior, parts.rates, "trial"),
    }


class Answers(NamedTuple):
    """Answers to grouped clicks [N]: purchase probability, and the rank (from 1) of the next item among the
    recommended ones, 0 if it is not among them.

    `items` int32 [N, TOP] are the recommended items as indices into `names`, -1 for unused places. `tasks`
    [N, K] are the further heads' answers (`Scores.tasks`), None where the scorer has none.
    """

    purchase: NDArray[np.float32]
    ranks: NDArray[np.int64]
    items: NDArray[np.int32]
    names: NDArray[np.object_]
    tasks: NDArray[np.float32] | None = None


def answers(scorer: Scorer, grouped: Examples) -> Answers:
    """Score every session from its first click on."""
    purchase = np.empty(len(grouped), dtype=np.float32)
    ranks, tasks = np.zeros(len(grouped), dtype=np.int64), []
    items, names = np.full((len(grouped), TOP), -1, dtype=np.int32), np.empty(0, dtype=object)
    for start, stop in _cuts(grouped.session):
        part = grouped.part(np.arange(start, stop))
        scores = scorer.score(part.batch())
        purchase[start:stop] = scores.purchase
        ranks[start:stop] = _ranks(scores, part.target)
        items[start:stop], names = scores.items, scores.names
        tasks += [scores.tasks] if scores.tasks is not None else []
    return Answers(purchase, ranks, items, names, np.concatenate(tasks) if tasks else None)


def judge(scorer: Scorer, examples: Examples) -> Evaluation:
    """Score every session and compare the answers with what happened."""
    grouped = examples.grouped()
    return compared(answers(scorer, grouped), grouped)


def compared(answered: Answers, grouped: Examples) -> Evaluation:
    """The figures of answers to grouped clicks."""
    purchase, ranks = answered.purchase, answered.ranks
    judged, wanted = grouped.judged, ranks[grouped.target != 0]
    chances, bought = purchase[judged], grouped.buys[judged]
    return Evaluation(
        quality_metrics.auc(chances, bought),
        quality_metrics.average_precision(chances, bought),
        quality_metrics.brier(chances, bought),
        *quality_metrics.at_ranks(wanted),
        *by_session(chances, bought, grouped.session[judged]),
    )


def judge_all(scorers: Mapping[str, Scorer], examples: Examples) -> dict[str, dict[str, float]]:
    """The figures of several scorers on the same clicks, by name."""
    return {name: judge(scorer, examples)._asdict() for name, scorer in scorers.items()}


def _cuts(session: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Ranges of about BATCH clicks; each ends at the end of a session."""
    ends = np.flatnonzero(np.diff(session, append=-1)) + 1
    cuts = ends[np.append(np.diff(ends // BATCH) > 0, True)].tolist()
    return list(zip([0, *cuts[:-1]], cuts, strict=True))


def _ranks(scores: Scores, targets: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Rank (from 1) of each target among the recommended items [N], 0 if it is not among them."""
    hashes = np.array([*map(item_hash, scores.names), 0], dtype=np.uint64)
    hit = (hashes[scores.items] == targets[:, None]) & (targets[:, None] != 0)
    return np.where(hit.any(1), hit.argmax(1) + 1, 0)
