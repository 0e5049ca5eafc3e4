"""Ranking, the counting methods against plain loops, and the network on session files."""

from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import chain

import numpy as np
import pytest

from trainer.baselines import next_item
from trainer.baselines.ranking import figures, ranks
from trainer.experiments import network_protocol, session_blend
from trainer.logs.session_files import Sessions
from trainer.loop.options import changed

ITEMS = 12


def packed(lists: list[list[int]]) -> Sessions:
    bounds = np.append(0, np.cumsum([len(items) for items in lists]))
    return Sessions(np.array(list(chain.from_iterable(lists)), dtype=np.int64), bounds.astype(np.int64))


def made(count: int = 60, seed: int = 0) -> list[list[int]]:
    random = np.random.default_rng(seed)
    return [random.integers(0, ITEMS, random.integers(1, 7)).tolist() for _ in range(count)]


def test_ties_stand_before_the_target_and_the_unknown_is_missed() -> None:
    scores = np.array([[3.0, 1.0, 2.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
    sessions = packed([[0], [1], [2], [0]])
    found = ranks(lambda part: scores, sessions, np.array([2, 1, 0, -1]))
    assert found.tolist() == [2, 2, 3, 0]
    assert figures(found, 2) == {"recall@2": 0.5, "mrr@2": 0.25}


def test_scores_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="not numbers"):
        ranks(lambda part: np.array([[0.0, np.nan]]), packed([[0]]), np.array([0]))


def counted(weigh: Callable[[list[int], Counter], None]) -> np.ndarray:
    """The last item's row of pair weights, for each item as the last one."""
    table = defaultdict(float)
    for session in made():
        weigh(session, table)
    return np.array([[table[last, item] for item in range(ITEMS)] for last in range(ITEMS)])


def pairs(session, table):
    counts = Counter(session)
    for one in counts:
        for other in counts:
            if one != other:
                table[one, other] += counts[one] * counts[other]


def ahead(session, table):
    for at, item in enumerate(session):
        for step, later in enumerate(session[at + 1 : at + 11], 1):
            table[item, later] += 1 / step


@pytest.mark.parametrize(
    ("method", "weigh"), [(next_item.association_rules, pairs), (next_item.sequential_rules, ahead)]
)
def test_rules_count_what_loops_count(method, weigh) -> None:
    score = method(packed(made()), ITEMS)
    found = score(packed([[0, last] for last in range(ITEMS)]))
    np.testing.assert_allclose(found, counted(weigh), rtol=1e-5)
    assert not score(packed([[]])).any()


def test_item_knn_is_the_cosine_of_sessions() -> None:
    met = np.zeros((60, ITEMS))
    for number, session in enumerate(made()):
        met[number, session] = 1
    norms = np.linalg.norm(met, axis=0)
    expected = met.T @ met / np.outer(norms, norms)
    np.fill_diagonal(expected, 0)
    found = next_item.item_knn(packed(made()), ITEMS)(packed([[last] for last in range(ITEMS)]))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_popularity_counts_every_meeting() -> None:
    found = next_item.popularity(packed([[0, 0, 1], [2]]), 4)(packed([[3], []]))
    assert found.tolist() == [[2, 1, 1, 0]] * 2


def test_vstan_finds_what_followed_in_a_session_like_this_one() -> None:
    score = next_item.vstan(packed([[0, 1, 2], [3, 4], [5, 6, 7]]), 8)
    found = score(packed([[5, 6], [], [3]]))
    assert set(np.flatnonzero(found[0])) == {5, 6, 7}
    assert not found[1].any()
    assert set(np.flatnonzero(found[2])) == {3, 4}


CYCLE = [[(start + step) % ITEMS for step in range(4)] for start in range(ITEMS)] * 40
SMALL = changed(
    network_protocol.OPTIONS,
    [
        "epochs=8",
        "learning_rate=0.02",
        "embedding=16",
        "hidden=16",
        "clicks_per_batch=256",
        "precision=fp32",
        "dropout=0.1",
    ],
)


def trained(options=SMALL):
    ids = tuple(f"i{number}" for number in range(ITEMS))
    learned, valid = network_protocol.held_out(packed(CYCLE))
    return network_protocol.train(learned, valid, ids, options, lambda progress: None)


def test_the_network_learns_a_cycle_and_repeats_itself() -> None:
    score = trained()
    sessions, targets = packed(CYCLE[:ITEMS]).prefixes()
    assert figures(ranks(score, sessions, targets), 3)["recall@3"] > 0.9
    assert np.array_equal(score(sessions), trained()(sessions))


def test_probabilities_are_of_the_last_items_whatever_stands_beside_them() -> None:
    score = trained()
    sessions = packed([[1, 2, 3], [], [4], [*range(ITEMS)] * 9])
    found = score(sessions)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(found[1], 1 / ITEMS)
    alone = np.concatenate([score(sessions.part(n, n + 1)) for n in range(4)])
    np.testing.assert_allclose(found, alone, atol=1e-6)
    cut = score(packed([([*range(ITEMS)] * 9)[-SMALL.longest :]]))
    np.testing.assert_allclose(found[3], cut[0], atol=1e-6)


def test_half_precision_learns_too() -> None:
    sessions, targets = packed(CYCLE[:ITEMS]).prefixes()
    score = trained(changed(SMALL, ["precision=bf16"]))
    assert figures(ranks(score, sessions, targets), 3)["recall@3"] > 0.9


def test_the_blend_prefers_what_is_right() -> None:
    valid = packed(CYCLE[:ITEMS])

    def right(sessions):
        scores = np.full((len(sessions), ITEMS), 0.01, dtype=np.float32)
        scores[np.arange(len(sessions)), (sessions.recent(1)[:, 0] + 1) % ITEMS] = 1
        return scores

    def uniform(sessions):
        return np.ones((len(sessions), ITEMS), dtype=np.float32)

    first = session_blend.learn(network_protocol.shares(right), network_protocol.shares(uniform), valid)
    second = session_blend.learn(network_protocol.shares(uniform), network_protocol.shares(right), valid)
    assert first.network > 0.5
    assert second.neighbours > 0.5
    prefixes, targets = valid.prefixes()
    for one, other, blend in ((right, uniform, first), (uniform, right, second)):
        score = session_blend.blended(network_protocol.shares(one), network_protocol.shares(other), blend)
        assert figures(ranks(score, prefixes, targets), 3)["recall@3"] == 1
    np.testing.assert_allclose(network_protocol.shares(uniform)(valid), 1 / ITEMS)


def test_the_blend_learns_what_the_item_on_view_is_worth() -> None:
    repeating = packed([[item, item, item] for item in range(ITEMS)])

    def uniform(sessions):
        return np.full((len(sessions), ITEMS), 1 / ITEMS, dtype=np.float32)

    blend = session_blend.learn(uniform, uniform, repeating)
    assert blend.on_view > 1
    prefixes, targets = repeating.prefixes()
    assert (ranks(session_blend.blended(uniform, uniform, blend), prefixes, targets) == 1).all()


def test_the_newest_sessions_are_held_out() -> None:
    learned, valid = network_protocol.held_out(packed(CYCLE))
    assert (len(learned), len(valid)) == (456, 24)
    assert valid.items.tolist() == list(chain.from_iterable(CYCLE[-24:]))
