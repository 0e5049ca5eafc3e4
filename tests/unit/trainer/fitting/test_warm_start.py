"""Warm start: what is carried over, what stays frozen, what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.features.vocabulary import Vocabulary
from models.registry.versions import Version
from tests import tiny
from tests.training import SMALL, small
from trainer.fitting.fit import fit
from trainer.fitting.warm_start import NOTHING_FROZEN, WarmStartError, begin, copy_weights, freeze_parts

MADE = small()
OPTIONS = replace(SMALL, heads_weight=0.0)


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    """It knows two items of the shipped log, in another order, among others."""
    known = ("unknown", MADE.words.ids[5], "other", MADE.words.ids[2])
    return tiny.version(tmp_path_factory.mktemp("registry"), items=known)


def network(**options: object):
    first = MADE.network(replace(OPTIONS, **options))
    made = type(first)(replace(first.config, intent=8, cosine=0.0))
    made.sparse = first.sparse
    made.item_categories.copy_(torch.arange(len(MADE.words.ids)) % 7)
    return made


def test_known_items_and_everything_that_is_no_item_come_along(version: Version) -> None:
    made = network()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    assert copy_weights(made, MADE.words, version) == 2
    old, new = version.network.state_dict(), made.state_dict()
    rows = made.config.sizes
    assert torch.equal(new["table.weight"][[3, 6]], old["table.weight"][[4, 2]])
    untouched = [row for row in range(1, 1 + rows.items) if row not in (3, 6)]
    assert torch.equal(new["table.weight"][untouched], before["table.weight"][untouched])
    assert torch.equal(
        new["table.weight"][rows.offsets[1] :], old["table.weight"][version.vocabulary.sizes.offsets[1] :]
    )
    assert torch.equal(new["item_bias"][[2, 5]], old["item_bias"][[3, 1]])
    assert torch.equal(new["query.weight"], old["query.weight"])
    assert torch.equal(new["mean"], old["mean"])
    assert torch.equal(new["scale"], old["scale"])
    # The log's own.
    assert torch.equal(new["item_categories"], before["item_categories"])
    assert torch.equal(new["share"], before["share"])


def test_the_version_itself_is_not_trained_further(version: Version) -> None:
    before = version.network.table.weight.clone()
    made = network()
    copy_weights(made, MADE.words, version)
    with torch.no_grad():
        made.table.weight.fill_(7)
    assert torch.equal(version.network.table.weight, before)


@pytest.mark.parametrize("table_rate", [0.0, 0.1])
def test_frozen_parts_stay_bit_for_bit_while_the_rest_learns(version: Version, table_rate: float) -> None:
    options = replace(OPTIONS, epochs=1, table_rate=table_rate)
    made = network(table_rate=table_rate)
    known, frozen = begin(made, MADE.words, version, ("items", "categories", "encoder"))
    assert known == 2
    before = {name: value.clone() for name, value in made.state_dict().items()}
    after = fit(made, MADE.train, MADE.valid, options, lambda at: None, frozen=frozen).state_dict()
    sizes = made.config.sizes
    kept = [3, 6, *range(sizes.offsets[1], sizes.offsets[2])]
    assert torch.equal(after["table.weight"][kept], before["table.weight"][kept])
    assert all(torch.equal(after[name], before[name]) for name in before if name.startswith("encoder."))
    new = [row for row in range(1, 100) if row not in (3, 6)]
    assert not torch.equal(after["table.weight"][new], before["table.weight"][new])
    events = slice(sizes.offsets[2], sizes.offsets[3])
    assert not torch.equal(after["table.weight"][events], before["table.weight"][events])
    assert not torch.equal(after["query.weight"], before["query.weight"])


def test_without_parts_nothing_is_frozen(version: Version) -> None:
    frozen = freeze_parts(network(), MADE.words, version, ())
    assert len(frozen.rows) == 0
    assert frozen.names == ()
    assert begin(network(), MADE.words, None, ()) == (0, NOTHING_FROZEN)


def test_a_part_that_there_is_not_is_refused(version: Version) -> None:
    with pytest.raises(WarmStartError, match="no part 'item' to freeze; choose from items, categories"):
        freeze_parts(network(), MADE.words, version, ("item",))


def test_freezing_without_a_version_is_refused() -> None:
    with pytest.raises(WarmStartError, match="name a version with --from"):
        begin(network(), MADE.words, None, ("items",))


def test_a_version_of_another_form_is_refused(tmp_path: Path) -> None:
    wide = tiny.version(tmp_path, items=("a", "b"), width=32)
    with pytest.raises(WarmStartError, match=r"embedding=32 \(asked for: 16\), hidden=32 .*give --set"):
        copy_weights(network(), Vocabulary.build(MADE.words.ids, MADE.words.categories.tolist()), wide)
