"""No forbidden item is ever in an answer, what is left keeps its order, and answers stay full."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contract.catalogue import Catalogue
from models.contract.events import EVENT_CODES
from models.contract.items import Item
from models.contract.predictions import FallbackTier
from models.features import features
from models.features.batch import Batch
from models.features.vocabulary import Vocabulary
from models.scoring.popularity import Popularity
from models.scoring.scores import MOST_WANTED, TIERS, TOP, Scores
from models.serving import fallback_chain
from models.serving.merchandising import Merchandiser, bought_lately
from models.serving.shop_rules import ShopRules, ShopRulesError, parse
from models.state.codes import CODE, category_hash, item_hash

ITEMS = 90
IDS = tuple(f"i{number}" for number in range(ITEMS))
CATEGORIES = [category_hash(f"c{number % 4}") if number % 5 else 0 for number in range(ITEMS)]
WORDS = Vocabulary.build(IDS, CATEGORIES)


def codes(*clicks: tuple[str, str]) -> np.ndarray:
    made = np.zeros(len(clicks), dtype=CODE)
    made["event"] = [EVENT_CODES[event] for event, _ in clicks]
    made["item"] = [item_hash(item) for _, item in clicks]
    return made


def batch(clicks: np.ndarray, slots: list[int], kept: list[bytes], wanted: int = MOST_WANTED) -> Batch:
    count = len(kept)
    rows = np.zeros((len(clicks), len(features.NAMES)), dtype=np.float32)
    position, empty = np.ones(len(clicks), dtype=np.int32), [b""] * count
    slot, zeros = np.array(slots, dtype=np.int32), [0] * count
    fresh = np.ones(len(clicks), dtype=bool)
    return Batch(clicks, slot, fresh, position, rows, empty, zeros, zeros, zeros, empty, kept, wanted)


def ranked(chance: np.random.Generator, asked: Batch, k: int) -> Scores:
    """Distinct items without the one on view, with falling scores."""
    current = WORDS.lookup(asked.codes["item"])
    items = np.stack([[i for i in chance.permutation(ITEMS) if i != now][:k] for now in current])
    values = np.sort(chance.random(items.shape).astype(np.float32), axis=1)[:, ::-1]
    tier = np.zeros(len(items), dtype=np.uint8)
    return Scores(values[:, 0].copy(), items.astype(np.int32), values, WORDS.names, tier)


@st.composite
def shops(draw):
    names = st.lists(st.sampled_from(IDS), max_size=70, unique=True)
    rules = ShopRules(
        recommend_out_of_stock=draw(st.booleans()),
        recommend_bought=draw(st.booleans()),
        most_per_category=draw(st.sampled_from((None, 1, 3, 6))),
        blocked_items=draw(names),
        blocked_categories=draw(st.sampled_from(([], ["c1"], ["c0", "c2"]))),
    )
    catalogue = Catalogue()
    for name in draw(names):
        stock, status = draw(st.sampled_from(((0, None), (3, "active"), (3, "Discontinued"), (None, None))))
        catalogue.put(name, Item(stock=stock, status=status))
    return rules, catalogue


def forbidden(rules: ShopRules, catalogue: Catalogue, bought: set[str]) -> set[str]:
    """By hand, item by item."""
    blocked = {category_hash(name) for name in rules.blocked_categories}
    found = set(rules.blocked_items)
    for number, name in enumerate(IDS):
        item = catalogue.get(name)
        if item is not None and (item.status or "").casefold() in rules.hidden_status:
            found.add(name)
        if item is not None and item.stock == 0 and not rules.recommend_out_of_stock:
            found.add(name)
        if CATEGORIES[number] in blocked or (name in bought and not rules.recommend_bought):
            found.add(name)
    return found


@settings(max_examples=150, deadline=None)
@given(shops(), st.integers(0, 10**6), st.integers(1, MOST_WANTED))
def test_no_forbidden_item_and_the_order_is_kept(shop, seed, k):
    rules, catalogue = shop
    chance = np.random.default_rng(seed)
    history = [
        [("purchase" if chance.random() < 0.3 else "view_item", IDS[n])] for n in chance.integers(0, ITEMS, 9)
    ]
    kept = [codes(*chain.from_iterable(history[at : at + 3])).tobytes() for at in (0, 3, 6)]
    slots = chance.integers(0, 3, 8).tolist()
    clicks = codes(
        *[(str(chance.choice(["view_item", "purchase"])), IDS[n]) for n in chance.integers(0, ITEMS, 8)]
    )
    asked = batch(clicks, slots, kept)
    before = ranked(chance, asked, max(k, TOP))
    merchandiser = Merchandiser(rules, catalogue)
    after = merchandiser.apply(before, asked, WORDS, fill=True)
    if not merchandiser.active:
        assert after is before
        return
    for row in range(8):
        seen = [(code["event"], code["item"]) for code in np.frombuffer(kept[slots[row]], dtype=CODE)]
        seen += [
            (c["event"], c["item"]) for c, s in zip(clicks[: row + 1], slots, strict=False) if s == slots[row]
        ]
        bought = {name for name in IDS if (EVENT_CODES["purchase"], item_hash(name)) in seen}
        barred = forbidden(rules, catalogue, bought)
        listed = [int(item) for item in after.items[row] if item >= 0]
        assert not barred & {IDS[item] for item in listed}
        assert len(set(listed)) == len(listed) <= TOP
        own = [CATEGORIES[item] for item in listed if CATEGORIES[item]]
        assert max((own.count(c) for c in own), default=0) <= (rules.most_per_category or TOP)
        places = [before.items[row].tolist().index(i) for i in listed if i in before.items[row]]
        assert places == sorted(places)
        assert (np.diff(after.item_scores[row][: len(listed)]) <= 0).all()
        assert clicks["item"][row] not in [item_hash(IDS[item]) for item in listed]
        if rules.most_per_category is None and ITEMS - 1 - len(barred) >= MOST_WANTED:
            assert len(listed) == TOP


def test_the_catalogues_word_counts_as_soon_as_it_is_said():
    catalogue, asked = Catalogue(), batch(codes(("view_item", "i5")), [0], [b""])
    shop = Merchandiser(ShopRules(), catalogue)
    before = ranked(np.random.default_rng(0), asked, MOST_WANTED)
    first = IDS[before.items[0, 0]]
    assert not shop.active
    catalogue.put(first, Item(stock=0))
    assert shop.active
    assert first not in shop.apply(before, asked, WORDS).item_ids()[0]
    catalogue.put(first, Item(stock=1))
    assert not shop.active
    catalogue.put(first, Item(stock=1, status="DISCONTINUED"))
    assert first not in shop.apply(before, asked, WORDS).item_ids()[0]
    catalogue.put(first, None)
    assert not shop.active


def test_what_was_bought_is_barred_for_fifty_clicks_wherever_chunks_end():
    trail = codes(("purchase", "i1"), *[("view_item", "i2")] * 70)
    whole = batch(trail, [0] * 71, [b""])
    clicks, bought = bought_lately(whole)
    assert sorted(clicks.tolist()) == list(range(50))
    assert set(bought.tolist()) == {item_hash("i1")}
    cut = batch(trail[30:], [0] * 41, [trail[:30].tobytes()])
    assert sorted(bought_lately(cut)[0].tolist()) == list(range(20))
    gone = batch(trail[60:], [0] * 11, [trail[10:60].tobytes()])
    assert not len(bought_lately(gone)[0])


def test_every_rung_obeys():
    catalogue = Catalogue()
    for name in IDS[:30]:
        catalogue.put(name, Item(stock=0, category="c"))
    shop = Merchandiser(ShopRules(), catalogue)
    popularity = Popularity((name, 0, ITEMS - number) for number, name in enumerate(IDS))
    scores = fallback_chain.fallback(
        batch(codes(("view_item", "i40")), [0], [b""], TOP), popularity, shop=shop
    )
    assert scores.item_ids() == [[f"i{n}" for n in range(30, 51) if n != 40]]
    assert TIERS[scores.tier[0]] is FallbackTier.POPULAR


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("most_per_category = 0", "most_per_category: Expected `int` >= 1; found 0"),
        ("blocked = []", "unknown field `blocked`; entries are recommend_out_of_stock"),
        ("hidden_status = [1]", "hidden_status: Expected `str`, got `int`; found [1]"),
        ("a = ", "not TOML"),
    ],
)
def test_a_wrong_file_is_named(text, said):
    with pytest.raises(ShopRulesError) as caught:
        parse(text)
    assert said in str(caught.value)


def test_a_file_is_read():
    rules = parse('most_per_category = 4\nrecommend_bought = false\nblocked_items = ["x"]')
    assert rules == ShopRules(recommend_bought=False, most_per_category=4, blocked_items=["x"])
