"""The network and the rows that codes have in its table."""

import numpy as np
import torch

from models.contract.events import EVENTS
from models.features.vocabulary import FIELDS, Vocabulary
from models.network.network import Config, Network
from models.state.codes import CODE, PAGE, item_hash


def words(count: int = 50) -> Vocabulary:
    return Vocabulary.build([f"item-{n}" for n in range(count)], [n % 5 for n in range(count)], 8, 16)


def network(count: int = 50) -> Network:
    torch.manual_seed(1)
    made = Network(Config(count, 9, 8, 16)).eval()
    torch.nn.init.normal_(made.table.weight, std=0.5)
    return made


def codes(items: list[int], seed: int = 0) -> np.ndarray:
    made, random = np.zeros(len(items), dtype=CODE), np.random.default_rng(seed)
    made["item"] = items
    for name, top in (("category", 1 << 32), ("event", 256), ("dwell", 256), ("price", 256), ("flags", 256)):
        made[name] = random.integers(0, top, len(items))
    made["flags"] &= 255 - PAGE
    return made


def test_known_unseen_and_no_items_have_rows_of_their_own() -> None:
    vocabulary = words()
    hashes = [item_hash("item-0"), item_hash("item-49"), item_hash("new"), 0, (1 << 64) - 1, 1]
    rows = vocabulary.rows(codes(hashes))[:, 0]
    assert rows[:2].tolist() == [1, 50]
    assert rows[3] == 0
    assert all(50 < row < vocabulary.sizes.item_rows for row in rows[[2, 4, 5]])


def test_a_page_has_a_row_among_pages_and_is_no_item() -> None:
    vocabulary, made = words(), codes([7, item_hash("item-0"), 0])
    made["flags"][:2] |= PAGE
    rows, first = vocabulary.rows(made), vocabulary.sizes.offsets[6]
    assert rows[:, 0].tolist() == [0, 0, 0]
    assert rows[:, 6].tolist() == [first + 8, first + 1 + item_hash("item-0") % 1024, first]


def test_every_code_finds_rows_inside_its_fields() -> None:
    vocabulary = words()
    random = np.random.default_rng(3).integers(0, 1 << 63, 5000).tolist()
    rows = vocabulary.rows(codes(random))
    offsets = [*vocabulary.sizes.offsets, vocabulary.sizes.rows]
    assert rows.shape == (5000, FIELDS)
    for field in range(FIELDS):
        assert offsets[field] <= rows[:, field].min()
        assert rows[:, field].max() < offsets[field + 1]


def test_a_click_of_an_unknown_event_has_the_row_of_no_event() -> None:
    vocabulary, made = words(), codes([0, 0, 0])
    made["event"] = [len(EVENTS), len(EVENTS) + 1, 255]
    first = vocabulary.sizes.offsets[2]
    assert vocabulary.rows(made)[:, 2].tolist() == [first + len(EVENTS), first, first]


def test_an_empty_vocabulary_knows_nothing() -> None:
    empty = Vocabulary.build([], [])
    assert empty.lookup(np.array([0, 5, (1 << 64) - 1], dtype=np.uint64)).tolist() == [-1, -1, -1]


def test_a_choice_of_items_has_the_logits_of_all() -> None:
    made, hidden = network(), torch.randn(4, 64)
    chosen = torch.tensor([7, 3, 40])
    torch.testing.assert_close(made.next_item(hidden, chosen), made.next_item(hidden)[:, chosen])
