"""Explanations are faithful: what they call important, the prediction needs.

A deletion test (Samek et al. 2017, "Evaluating the visualization of what a deep neural network has learned"):
clicks are taken out of real sessions for good, by replaying what is left, once in the order of their
attributed effects and several times in random order. `-s` prints the figures that the documentation quotes.
"""

import time
from itertools import groupby
from statistics import median

import numpy as np
import pytest

from models.explanation.counterfactuals import Session, replay
from models.explanation.explain import batch_of, examine, explain
from models.registry import registry
from models.sessions.lifecycle import SessionConfig
from tests.scoring import SHIPPED, real_clicks
from trainer.logs.log_files import read_log
from trainer.loop.options import Options
from trainer.training.log_parts import Run
from trainer.training.train import train

LEARNED, FOLLOWING, RANDOM = 22_000, 8_000, 5
GAP_MS = 30 * 60_000


@pytest.fixture(scope="module")
def version(tmp_path_factory) -> registry.Version:
    folder = tmp_path_factory.mktemp("faithful")
    log = folder / "log.parquet"
    read_log([SHIPPED]).sort("ts", maintain_order=True).head(LEARNED).sink_parquet(log)
    run = Run([log], folder / "registry", options=Options(epochs=2, seconds=1e9))
    return train(run, 1_700_000_000_000, lambda progress: None)


@pytest.fixture(scope="module")
def sessions() -> list[list]:
    """Sessions that follow the training, up to the last click before a purchase or the end."""
    later = real_clicks(LEARNED + FOLLOWING)[LEARNED:]
    ordered = sorted(later, key=lambda click: (click.visitor_id, click.ts))
    found = []
    for _, group in groupby(ordered, lambda click: click.visitor_id):
        clicks = list(group)
        bought = next((n for n, click in enumerate(clicks) if click.event == "purchase"), len(clicks))
        whole = max(np.diff([click.ts for click in clicks]), default=0) <= GAP_MS
        if whole and 5 <= bought <= 20:
            found.append(clicks[:bought])
    return found[:80]


def session_of(clicks) -> Session:
    # As long as clicks are only taken out, what is left is one session.
    return replay(None, clicks, SessionConfig(gap_ms=24 * 3_600_000))


def fallen(scorer, clicks, order) -> np.ndarray:
    """The probability after 0, 1, ..., n - 1 clicks were taken out in this order."""
    kept = [sorted(order[gone:]) for gone in range(len(order))]
    batch = batch_of([session_of([clicks[place] for place in places]) for places in kept])
    return scorer.score(batch).purchase.astype(np.float64)


def area(curve) -> float:
    """Mean of a curve over the share of clicks taken out, from 0 to 1."""
    return float(np.trapezoid(curve, dx=1 / (len(curve) - 1)))


def test_the_probability_falls_faster_in_the_order_of_attributed_effects(version, sessions):
    scorer, rng = version.neural, np.random.default_rng(0)
    apart, exactly, begin = [], [], []
    for clicks in sessions:
        chances = examine(scorer, session_of(clicks)).chances
        order = np.argsort(chances[1:] - chances[0], kind="stable").tolist()
        real = [session_of(clicks[:gone] + clicks[gone + 1 :]) for gone in range(len(clicks))]
        exact = examine(scorer, session_of(clicks), (), real).chances
        orders = [rng.permutation(len(clicks)).tolist() for _ in range(RANDOM)]
        shuffled = [area(fallen(scorer, clicks, one)) for one in orders]
        begin.append(chances[0])
        apart.append(np.mean(shuffled) - area(fallen(scorer, clicks, order)))
        best = np.argsort(exact[1:] - exact[0], kind="stable").tolist()
        exactly.append(np.mean(shuffled) - area(fallen(scorer, clicks, best)))
    mean, error = np.mean(apart), np.std(apart) / np.sqrt(len(apart))
    print(
        f"\n{len(apart)} sessions that begin at {np.mean(begin):.4f}: area between the curves {mean:.5f} "
        f"+- {error:.5f}, "
        f"larger than 0 in {np.mean(np.array(apart) > 0):.0%}; "
        f"with variants replayed from the real clicks {np.mean(exactly):.5f}"
    )
    assert len(apart) >= 40
    assert mean > 3 * error
    assert np.mean(np.array(apart) > 0) > 0.7
    assert mean > 0.8 * np.mean(exactly)


def test_an_items_score_falls_more_without_its_reason_than_without_another_click(version, sessions):
    scorer, named, other = version.neural, [], []
    for clicks in sessions:
        session = session_of(clicks)
        ids = scorer.vocabulary.ids
        served = scorer.score(batch_of([session]))
        recommended = [ids[item] for item in served.items[0, :5].tolist()]
        probe = examine(scorer, session, recommended)
        np.testing.assert_allclose(probe.scores[0], served.item_scores[0, :5], atol=1e-5)
        real = [session_of(clicks[:gone] + clicks[gone + 1 :]) for gone in range(len(clicks))]
        exact = examine(scorer, session, recommended, real).scores
        lost = exact[0] - exact[1:]
        chosen = (probe.scores[0] - probe.scores[1:]).argmax(0)
        named += lost[chosen, np.arange(len(recommended))].tolist()
        other += lost.mean(0).tolist()
    figures = f"the reason {np.mean(named):.4f}, without a click on average {np.mean(other):.4f}"
    print(f"\nscore lost without {figures}")
    assert np.mean(named) > 2 * max(np.mean(other), 0.0)
    assert np.mean(np.array(named) > 0) > 0.95


@pytest.mark.parametrize("length", [5, 20, 50])
def test_what_an_explanation_costs(version, length):
    """Printed, not asserted: machines differ."""
    clicks = [c for c in real_clicks(400) if c.event == "view_item"][:length]
    for number, click in enumerate(clicks):
        click.visitor_id, click.ts = "one", 1_700_000_000_000 + 20_000 * number
    session, items = session_of(clicks), list(version.vocabulary.ids[:20])
    told, spent = None, []
    for _ in range(15):
        started = time.process_time()
        told = explain(version.neural, session, items)
        spent.append(time.process_time() - started)
    size = f"{length} clicks, {len(version.vocabulary.ids):,} items"
    print(f"\n{size}: {median(spent) * 1000:.1f} ms; {told.intent.text}")
    assert told.intent.covered == length
