"""Weights of the blend of network and session kNN, learned on validation data through the scorer
that serves.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.registry.registry import Parts
from models.scoring.blend import LEAST, Blend, Candidates
from models.scoring.scorer import NeuralScorer
from models.scoring.session_knn import NeighbourScorer
from models.state.codes import item_hash
from models.state.segments import Ints
from trainer.evaluation.evaluate import answers, tiers
from trainer.examples.examples import Examples

Floats = NDArray[np.float64]
#: Clicks of the newest validation sessions to learn the weights from.
TRIALS = 6_000
#: Least gain of a blend in recall@20 + MRR@20: it makes scoring half as expensive again.
WORTH = 0.01


def learn(parts: Parts, valid: Examples) -> Blend | None:
    """The blend learned on the newest validation sessions; None if its gain is too small."""
    newest = valid.part(np.isin(valid.session, np.unique(valid.session[-TRIALS:]))).grouped()
    words = parts.vocabulary
    near = NeighbourScorer(parts.index, words, parts.rates, "trial", parts.settings)
    candidates = NeuralScorer(parts.network, words, "trial", 1).candidates(newest.batch(), near)
    hashes = np.array([item_hash(item) for item in words.ids], dtype=np.uint64)
    wanted = hashes[candidates.item] == newest.target[candidates.click]
    if not wanted.any():
        return None
    blend = fitted(candidates, wanted)
    gained = _worth(replace(parts, blend=blend), newest) - _worth(parts, newest)
    return blend if gained >= WORTH else None


def _worth(parts: Parts, newest: Examples) -> float:
    """recall@20 + MRR@20 of the served answers."""
    ranks = answers(tiers(parts)["neural"], newest).ranks[newest.target != 0]
    hits = ranks > 0
    return float((hits + hits / np.maximum(ranks, 1)).mean())


def fitted(
    candidates: Candidates, wanted: NDArray[np.bool_], on_view: NDArray[np.bool_] | None = None
) -> Blend:
    """Weights with the lowest cross entropy of the wanted candidates among those of their click.

    A softmax over candidates (conditional logit, McFadden 1974) with four parameters. Clicks without a wanted
    candidate are left out. `on_view` marks the click's own item among the candidates.
    """
    view = np.zeros(len(wanted)) if on_view is None else on_view.astype(np.float64)
    design = np.column_stack([candidates.log_chance, np.log(candidates.share + LEAST), view, candidates.seen])
    click = np.unique(candidates.click, return_inverse=True)[1]
    has_wanted = np.bincount(click, wanted) > 0
    kept = has_wanted[click]
    click = np.unique(click[kept], return_inverse=True)[1]
    fit = minimize(
        _loss,
        [1.0, 0.1, 0.0, 0.0],
        (design[kept], click, wanted[kept]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.01, 10), (0, 10), (-5, 5), (-5, 5)],
    )
    return Blend(*(round(float(weight), 4) for weight in fit.x))


def _loss(weights: Floats, design: Floats, click: Ints, wanted: NDArray[np.bool_]) -> tuple[float, Floats]:
    """Mean cross entropy over clicks, and its gradient."""
    scores = design @ weights
    highest = np.full(int(click.max()) + 1, -np.inf)
    np.maximum.at(highest, click, scores)
    chances = np.exp(scores - highest[click])
    totals = np.bincount(click, chances)
    chances /= totals[click]
    loss = -np.log(np.maximum(chances[wanted], 1e-30)).sum() / len(totals)
    gradient: Floats = design.T @ (chances - wanted) / len(totals)
    return float(loss), gradient
