"""Lowest tiers and fallback chain: an answer from the first event on, whatever the order of counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract.predictions import FallbackTier
from models.features.batch import Batch
from models.features.features import NAMES
from models.features.vocabulary import Vocabulary
from models.scoring.popularity import Popularity
from models.scoring.rates import BUILT_IN, PRIOR_RATES, StageRates
from models.scoring.scores import TIERS, Scores
from models.serving import fallback_chain
from models.state.codes import CODE, category_hash, item_hash
from models.state.pane_counts import weight

SHOES, HATS, BAGS = (category_hash(name) for name in ("shoes", "hats", "bags"))


def batch(*clicks: tuple[str | None, int]) -> Batch:
    """Clicks as (item, category), each by a visitor of its own."""
    count = len(clicks)
    codes = np.zeros(count, dtype=CODE)
    codes["item"] = [item_hash(item) for item, _ in clicks]
    codes["category"] = [category for _, category in clicks]
    ones = np.ones(count, dtype=np.int32)
    return Batch(
        codes=codes,
        slot=np.arange(count, dtype=np.int32),
        fresh=ones > 0,
        position=ones,
        features=np.zeros((count, len(NAMES)), dtype=np.float32),
        hidden=[b""] * count,
        hidden_model=[0] * count,
        hidden_at=[0] * count,
        clicks=[0] * count,
        history=[b""] * count,
    )


def tiers(scores: Scores) -> list[FallbackTier]:
    return [TIERS[number] for number in scores.tier]


def test_with_nothing_known_it_still_answers() -> None:
    scores = Popularity().score(batch(("a", SHOES), (None, 0)))
    assert scores.item_ids() == [[], []]
    assert tiers(scores) == [FallbackTier.POPULAR, FallbackTier.POPULAR]
    assert scores.purchase.tolist() == pytest.approx([PRIOR_RATES[0]] * 2)


def test_own_category_first_then_the_rest_never_the_item_on_view() -> None:
    popularity = Popularity([("boot", SHOES, 9), ("clog", SHOES, 4), ("cap", HATS, 100), ("loose", 0, 50)])
    scores = popularity.score(batch(("boot", SHOES), ("cap", HATS), ("x", BAGS), (None, 0)))
    assert scores.item_ids() == [
        ["clog", "cap", "loose"],
        ["loose", "boot", "clog"],
        ["cap", "loose", "boot", "clog"],
        ["cap", "loose", "boot", "clog"],
    ]
    assert tiers(scores) == [FallbackTier.POPULAR_IN_CATEGORY] * 2 + [FallbackTier.POPULAR] * 2
    assert (np.diff(scores.item_scores, axis=1) <= 0).all()


def test_at_most_twenty() -> None:
    many = Popularity([(f"i{n:03}", SHOES, 1 + n) for n in range(100)])
    scores = many.score(batch(("i099", SHOES), ("other", SHOES)))
    assert scores.item_ids()[0] == [f"i{n:03}" for n in range(98, 78, -1)]
    assert scores.item_ids()[1] == [f"i{n:03}" for n in range(99, 79, -1)]


COUNTS = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from([0, SHOES, HATS]), st.integers(1, 9)), max_size=30
)


@given(COUNTS, st.randoms(use_true_random=False))
def test_order_leaves_no_trace_and_expiry_takes_everything_back(counts, random) -> None:
    shuffled = list(counts)
    random.shuffle(shuffled)
    one, two = Popularity([("p", SHOES, 3)]), Popularity([("p", SHOES, 3)])
    one.add(counts)
    for count in shuffled:
        two.add([count])
        two.score(batch(("a", SHOES)))
    asked = batch(("a", SHOES), ("b", HATS), (None, 0))
    assert one.score(asked).item_ids() == two.score(asked).item_ids()
    two.add((item, category, -count) for item, category, count in counts)
    assert two.score(asked).item_ids() == Popularity([("p", SHOES, 3)]).score(asked).item_ids()


def test_another_versions_prior_keeps_the_partitions_own_counts() -> None:
    popularity = Popularity([("old", SHOES, 5)])
    popularity.add([("mine", SHOES, 3)])
    other = popularity.with_prior_of(Popularity([("new", SHOES, 4)], BUILT_IN, "v2"))
    assert other.score(batch(("x", SHOES))).item_ids() == [["new", "mine"]]
    assert other.version == "v2"


def test_a_cart_counts_more_than_a_look() -> None:
    assert weight(1, 0, 0) < weight(0, 1, 0) < weight(0, 0, 1)


def test_rates_learn_from_counts_and_lean_on_the_prior() -> None:
    stages, labels = np.array([0] * 1000 + [1] * 10, dtype=np.uint8), np.zeros(1010, dtype=np.float32)
    labels[:300] = 1
    rates = StageRates.count(stages, labels)
    assert rates.seen == (1000, 10, 0, 0)
    looked, cart, checkout, _ = rates.probabilities()
    assert looked == pytest.approx(0.3, abs=0.02)
    assert 0 < cart < PRIOR_RATES[1]
    assert checkout == pytest.approx(PRIOR_RATES[2])


def test_the_ladder_takes_the_highest_rung_that_has_an_answer_click_by_click() -> None:
    class Knn:
        """Knows neighbours of the first click only."""

        vocabulary = Vocabulary.build(["near"], [SHOES])

        def score(self, chunk: Batch) -> Scores:
            items = np.full((len(chunk), 20), -1, dtype=np.int32)
            items[0, 0] = 0
            shares = np.zeros((len(chunk), 20), dtype=np.float32)
            names = np.array(["near"], dtype=object)
            numbers = np.full(len(chunk), TIERS.index(FallbackTier.SESSION_KNN), dtype=np.uint8)
            return Scores(np.zeros(len(chunk), dtype=np.float32), items, shares, names, numbers)

    popularity = Popularity([("boot", SHOES, 9), ("cap", HATS, 1)])
    scores = fallback_chain.fallback(batch(("x", SHOES), ("x", SHOES), ("x", BAGS)), popularity, Knn())
    assert scores.item_ids() == [["near"], ["boot", "cap"], ["boot", "cap"]]
    assert tiers(scores) == [FallbackTier.SESSION_KNN, FallbackTier.POPULAR_IN_CATEGORY, FallbackTier.POPULAR]
    assert fallback_chain.neural(None, batch(("x", SHOES))) is None
    assert tiers(fallback_chain.fallback(batch(("x", SHOES)), popularity)) == [
        FallbackTier.POPULAR_IN_CATEGORY
    ]
