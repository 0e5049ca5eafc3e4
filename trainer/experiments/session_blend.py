"""The served blend of network and session kNN on session files: all items scored, weights from validation."""

import numpy as np
from numpy.typing import NDArray

from models.scoring.blend import Blend, Candidates
from trainer.baselines.ranking import Score
from trainer.logs.session_files import Ints, Sessions
from trainer.training.blending import fitted

#: Prefixes of validation sessions to learn the weights from, and how many are scored at once.
TRIALS, BLOCK = 10_000, 500
#: Best items of each model that are compared when learning the weights.
BEST = 100
#: Latest clicks of a session whose items count as seen.
REACH = 10
Floats = NDArray[np.float64]


def blended(network: Score, near: Score, blend: Blend) -> Score:
    """Log-linear scores of all items from the network's probabilities and the session kNN's shares."""

    def score(sessions: Sessions) -> Floats:
        chances, shares = network(sessions), near(sessions)
        on_view, seen = _places(sessions, chances.shape[1])
        return blend.scores(_log(chances), shares.astype(np.float64), on_view, seen)

    return score


def learn(network: Score, near: Score, valid: Sessions) -> Blend:
    """The weights that best fit the next items of validation sessions."""
    prefixes, targets = valid.prefixes()
    chosen = np.linspace(0, len(targets) - 1, min(len(targets), TRIALS)).astype(int)
    parts, views, wanted = [], [], []
    for start in range(0, len(chosen), BLOCK):
        block = chosen[start : start + BLOCK]
        sessions = prefixes.chosen(block)
        candidates, on_view = _compared(network(sessions), near(sessions), sessions)
        parts.append(candidates._replace(click=candidates.click + start))
        views.append(on_view)
        wanted.append(candidates.item == targets[block][candidates.click])
    joined = Candidates(*map(np.concatenate, zip(*parts, strict=True)))
    return fitted(joined, np.concatenate(wanted), np.concatenate(views))


def _compared(
    chances: NDArray[np.floating], shares: NDArray[np.floating], sessions: Sessions
) -> tuple[Candidates, NDArray[np.bool_]]:
    """The best items of both models for each session, and whether each is the viewed item."""
    on_view, seen = _places(sessions, chances.shape[1])
    chosen = on_view | seen
    best = min(BEST, chances.shape[1])
    for scores in (chances, shares):
        np.put_along_axis(chosen, np.argpartition(-scores, best - 1, axis=1)[:, :best], True, axis=1)
    rows, items = np.nonzero(chosen)
    candidates = Candidates(
        rows, items, _log(chances[rows, items]), shares[rows, items].astype(np.float64), seen[rows, items]
    )
    return candidates, on_view[rows, items]


def _places(sessions: Sessions, items: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks [S, V] of the viewed item and of the items seen shortly before it."""
    recent: Ints = sessions.recent(REACH)
    masks = [np.zeros((len(sessions), items), dtype=bool) for _ in range(2)]
    for mask, part in zip(masks, (recent[:, :1], recent), strict=True):
        rows, ages = np.nonzero(part >= 0)
        mask[rows, part[rows, ages]] = True
    on_view, seen = masks
    return on_view, seen & ~on_view


def _log(chances: NDArray[np.floating]) -> Floats:
    return np.clip(np.log(chances.astype(np.float64) + 1e-30), -70, 0)
