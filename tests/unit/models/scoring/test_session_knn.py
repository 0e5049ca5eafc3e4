"""Session kNN against a plain reading of the same formulas, one click at a time."""

import math

import numpy as np
import pytest

from models.features.vocabulary import Vocabulary
from models.scoring import session_index
from models.scoring.rates import BUILT_IN
from models.scoring.session_index import NeighbourSettings, SessionIndex
from models.scoring.session_knn import NeighbourScorer
from tests.scoring import real_clicks, vocabulary
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.logs.log_replay import LogReplay

SETTINGS = NeighbourSettings(last_items=4, sessions_per_item=20, neighbours=10, longest=8)


@pytest.fixture(scope="module")
def log() -> tuple[SessionIndex, Vocabulary, Examples]:
    clicks = real_clicks(6000)
    replayed = LogReplay()
    for click in clicks:
        replayed._step(click)
    words = vocabulary(clicks, 3000)
    past, now = split(replayed.examples(), (0.8, 0.2))
    known = words.lookup(past.codes["item"])
    kept = known >= 0
    days = past.ts[kept] / 86_400_000
    return session_index.build(past.session[kept], known[kept], days, len(words.ids), SETTINGS), words, now


def plain(index: SessionIndex, recent: list[int], current: int) -> dict[int, float]:
    """VSTAN for one session: `recent` distinct items, newest first."""
    strength: dict[int, float] = {}
    anchor: dict[int, int] = {}
    for age, item in enumerate(recent):
        for session in index.postings[index.bounds[item] : index.bounds[item + 1]].tolist():
            weight = math.exp(-age / SETTINGS.item_decay) * float(index.idf[item])
            strength[session] = strength.get(session, 0) + weight
            anchor.setdefault(session, item)
    weights = {s: w * float(index.recency[s]) for s, w in strength.items()}
    nearest = sorted(weights, key=lambda s: (-weights[s], -s))[: SETTINGS.neighbours]
    scores: dict[int, float] = {}
    for session in nearest:
        items = index.items[index.starts[session] : index.starts[session + 1]].tolist()
        place = items.index(anchor[session]) if anchor[session] in items else 0
        for at, item in enumerate(items):
            gain = weights[session] * math.exp(-abs(at - place) / SETTINGS.distance_decay)
            scores[item] = scores.get(item, 0) + gain * float(index.idf[item])
    scores.pop(current, None)
    return scores


def test_it_scores_as_the_formulas_say(log) -> None:
    index, words, now = log
    scores = NeighbourScorer(index, words, BUILT_IN, "v", SETTINGS).score(now.batch())
    known = words.lookup(now.codes["item"])
    checked = 0
    for click in range(0, len(now), 7):
        same = np.flatnonzero(now.session[: click + 1] == now.session[click])
        window = [item for item in known[same][::-1].tolist() if item >= 0][: SETTINGS.last_items]
        recent = list(dict.fromkeys(window))
        # An item that comes again within the window keeps its newest place, and its age counts in clicks.
        if len(recent) != len(window):
            continue
        expected = plain(index, recent, int(known[click]))
        pairs = zip(scores.items[click].tolist(), scores.item_scores[click].tolist(), strict=True)
        found = {item: score for item, score in pairs if item >= 0}
        assert len(found) == min(20, len(expected))
        best = sorted(expected.values(), reverse=True)[:20]
        np.testing.assert_allclose(sorted(found.values(), reverse=True), best, rtol=1e-4)
        for item, score in found.items():
            assert score == pytest.approx(expected[item], rel=1e-4)
        checked += bool(expected)
    assert checked > 30


def test_chunks_do_not_change_answers(log) -> None:
    index, words, now = log
    knn = NeighbourScorer(index, words, BUILT_IN, "v", SETTINGS)
    whole = knn.score(now.batch())
    first = now.session == now.session[0]
    alone = knn.score(now.part(first).batch())
    assert (whole.items[first] == alone.items).all()
    np.testing.assert_allclose(whole.item_scores[first], alone.item_scores, rtol=1e-6)


def test_an_index_is_bounded(log) -> None:
    index, words, _ = log
    assert np.diff(index.bounds).max() <= SETTINGS.sessions_per_item
    assert np.diff(index.starts).max() <= SETTINGS.longest
    assert np.diff(index.starts).min() >= 1
    assert len(index.idf) == len(words.ids)


def test_nothing_is_known_without_sessions() -> None:
    empty = session_index.build(
        np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0), 3, NeighbourSettings()
    )
    clicks = real_clicks(50)
    replayed = LogReplay()
    for click in clicks:
        replayed._step(click)
    words = vocabulary(clicks, 3)
    scores = NeighbourScorer(empty, words, BUILT_IN, "v").score(replayed.examples().batch())
    assert (scores.items == -1).all()
