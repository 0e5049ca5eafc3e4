"""What the blend learns from candidates, and that it is learned only where it pays."""

import numpy as np
import pytest

from models.scoring.blend import LEAST, Blend, Candidates
from models.state.segments import rank_in_group
from trainer.training.blending import fitted

CLICKS, EACH = 3000, 8


def drawn(blend: Blend) -> tuple[Candidates, np.ndarray]:
    """Candidates whose wanted item is drawn from the softmax of a known blend."""
    rng = np.random.default_rng(0)
    click = np.repeat(np.arange(CLICKS), EACH)
    share = np.where(rng.random(len(click)) < 0.5, 0.0, rng.dirichlet(np.ones(EACH), CLICKS).ravel())
    found = Candidates(
        click, rank_in_group(click), np.log(rng.random(len(click))), share, rng.random(len(click)) < 0.2
    )
    noisy = found.scored(blend) + rng.gumbel(size=len(click))
    best = noisy.reshape(CLICKS, EACH).argmax(1)
    return found, found.item == np.repeat(best, EACH)


def test_it_finds_the_weights_that_the_choices_were_made_by() -> None:
    true = Blend(network=0.8, neighbours=0.4, on_view=0.0, seen=1.2)
    found = fitted(*drawn(true))
    assert found.network == pytest.approx(true.network, abs=0.08)
    assert found.neighbours == pytest.approx(true.neighbours, abs=0.04)
    assert found.seen == pytest.approx(true.seen, abs=0.15)


def test_clicks_without_a_wanted_candidate_say_nothing() -> None:
    candidates, wanted = drawn(Blend(network=0.8, neighbours=0.4, on_view=0.0, seen=1.2))
    half = candidates.click % 2 == 0
    told = Candidates(*(column[half] for column in candidates))
    assert fitted(told, wanted[half]) == fitted(candidates, wanted & half)


def test_an_item_that_no_neighbour_has_is_not_forbidden() -> None:
    blend = Blend(network=1.0, neighbours=0.5, on_view=0.0, seen=0.0)
    scores = blend.scores(np.zeros(2), np.array([0.0, 1.0]), np.zeros(2, bool), np.zeros(2, bool))
    assert scores[0] == pytest.approx(0.5 * np.log(LEAST))
    assert scores[1] > scores[0]
