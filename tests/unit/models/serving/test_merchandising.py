"""No forbidden item is ever in an answer, what is left keeps its order, and answers stay full."""

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


def batch(clicks: np.ndarray, bought: list[set[str]], wanted: int = MOST_WANTED) -> Batch:
    """Clicks of one visitor each, who bought these items."""
    count = len(clicks)
    rows = np.zeros((len(clicks), len(features.NAMES)), dtype=np.float32)
    position, empty = np.ones(len(clicks), dtype=np.int32), [b""] * count
    slot, zeros = np.arange(count, dtype=np.int32), [0] * count
    hashes = [b"".join(item_hash(name).to_bytes(8, "little") for name in sorted(own)) for own in bought]
    fresh = np.ones(len(clicks), dtype=bool)
    return Batch(clicks, slot, fresh, position, rows, empty, zeros, zeros, zeros, empty, hashes, wanted)


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
        rebuy_categories=draw(st.sampled_from(([], ["c3"], ["c0", "c1"]))),
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
        once = CATEGORIES[number] not in {category_hash(name) for name in rules.rebuy_categories}
        if CATEGORIES[number] in blocked or (name in bought and once and not rules.recommend_bought):
            found.add(name)
    return found


@settings(max_examples=150, deadline=None)
@given(shops(), st.integers(0, 10**6), st.integers(1, MOST_WANTED))
def test_no_forbidden_item_and_the_order_is_kept(shop, seed, k):
    rules, catalogue = shop
    chance = np.random.default_rng(seed)
    clicks = codes(*[("view_item", IDS[n]) for n in chance.integers(0, ITEMS, 8)])
    all_bought = [{IDS[n] for n in chance.integers(0, ITEMS, chance.integers(0, 20))} for _ in range(8)]
    asked = batch(clicks, all_bought)
    before = ranked(chance, asked, max(k, TOP))
    merchandiser = Merchandiser(rules, catalogue)
    after = merchandiser.apply(before, asked, WORDS, fill=True)
    if not merchandiser.active:
        assert after is before
        return
    for row in range(8):
        bought = all_bought[row]
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
    catalogue, asked = Catalogue(), batch(codes(("view_item", "i5")), [set()])
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


def test_all_that_was_bought_is_paired_with_its_click():
    asked = batch(codes(*[("view_item", "i1")] * 3), [{"i2"}, set(), {"i3", "i4"}])
    clicks, bought = bought_lately(asked)
    assert clicks.tolist() == [0, 2, 2]
    assert set(bought.tolist()) == {item_hash(name) for name in ("i2", "i3", "i4")}


def test_every_rung_obeys():
    catalogue = Catalogue()
    for name in IDS[:30]:
        catalogue.put(name, Item(stock=0, category="c"))
    shop = Merchandiser(ShopRules(), catalogue)
    popularity = Popularity((name, 0, ITEMS - number) for number, name in enumerate(IDS))
    scores = fallback_chain.fallback(batch(codes(("view_item", "i40")), [set()], TOP), popularity, shop=shop)
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
