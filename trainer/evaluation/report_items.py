"""Next-item figures of the report: ranking quality, coverage of the catalogue, and popularity of the
recommended items.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import quality_metrics
from models.features.vocabulary import Vocabulary
from models.scoring.scores import TOP
from models.state.codes import items as item_hashes
from trainer.baselines import next_items
from trainer.baselines.ranking import BLOCK, Score, ranks_of
from trainer.evaluation.evaluate import Answers
from trainer.examples.examples import Examples
from trainer.logs.session_files import Ints, Sessions

#: List lengths that are evaluated; serving recommends TOP items, so ranks beyond TOP are unknown.
LENGTHS = (1, 5, 10, TOP)


class Shown(NamedTuple):
    """Ranks of the targets [T], 0 for a miss, and the recommended items [T, TOP], -1 for unused places."""

    ranks: Ints
    items: Ints


@dataclass(frozen=True)
class RankingFigures:
    """The T clicks that a different item followed, with what the figures need.

    `where` [N] marks these clicks. `targets` [T] and `current` [T] are vocabulary indices of the next and of
    the viewed item, -1 if unknown or none. `popularity` [V] are percentiles of the items' popularity.
    """

    where: NDArray[np.bool_]
    prefixes: Sessions
    targets: Ints
    current: Ints
    popularity: NDArray[np.float64]

    @classmethod
    def of(
        cls, grouped: Examples, where: NDArray[np.bool_], words: Vocabulary, popularity: NDArray[np.int64]
    ) -> "RankingFigures":
        """The clicks `where` [N] of grouped sessions."""
        return cls(
            where,
            next_items.prefixes(grouped, words, where),
            words.lookup(grouped.target[where]),
            words.lookup(item_hashes(grouped.codes))[where],
            quality_metrics.percentiles(popularity),
        )

    def served(self, answers: Answers) -> dict[str, Any]:
        """Figures of a serving tier's recommendations: its list of TOP items in its order."""
        return self._figures(Shown(answers.ranks[self.where], answers.items[self.where].astype(np.int64)))

    def counted(self, state: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
        """Figures of the next-item baselines by name; empty if the version stores no sessions.

        They rank all known items except the viewed one, which the target never is. Items with the same score
        as the target rank before it.
        """
        methods = next_items.methods(state) if state else {}
        return {name: self._figures(self._ranked(score)) for name, score in methods.items()}

    def _ranked(self, score: Score) -> Shown:
        count = len(self.targets)
        ranks, items = np.zeros(count, dtype=np.int64), np.full((count, TOP), -1, dtype=np.int64)
        for start in range(0, count, BLOCK):
            block = slice(start, min(start + BLOCK, count))
            scores = np.array(score(self.prefixes.part(block.start, block.stop)), dtype=np.float32)
            viewed = np.flatnonzero(self.current[block] >= 0)
            scores[viewed, self.current[block][viewed]] = -1
            ranks[block] = ranks_of(scores, self.targets[block])
            best = _best(scores)
            items[block, : best.shape[1]] = best
        return Shown(ranks, items)

    def _figures(self, shown: Shown) -> dict[str, Any]:
        by_length = [quality_metrics.ranked(shown.ranks, k) for k in LENGTHS]
        listed = shown.items[(shown.items >= 0) & (shown.items < len(self.popularity))]
        known = np.append(self.popularity, 0.0)
        return {
            **{name: value for figures in by_length for name, value in figures.items()},
            "n": len(shown.ranks),
            "coverage": len(np.unique(listed)) / max(1, len(self.popularity)),
            "popularity_recommended": float(self.popularity[listed].mean()) if len(listed) else 0.0,
            # An item that training never saw has the lowest popularity.
            "popularity_targets": float(known[self.targets].mean()) if len(self.targets) else 0.0,
        }


def _best(scores: NDArray[np.float32]) -> Ints:
    """The TOP items [T, TOP] with a score above 0, unordered; -1 in unused places."""
    top = min(TOP, scores.shape[1])
    best: Ints = np.argpartition(-scores, top - 1, axis=1)[:, :top]
    return np.where(np.take_along_axis(scores, best, 1) > 0, best, -1)
