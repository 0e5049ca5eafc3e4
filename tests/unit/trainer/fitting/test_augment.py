"""Augmented epochs: what changes, what stays, and that they follow from the seed alone."""

from dataclasses import replace

import numpy as np
import torch

from models.features.vocabulary import Sizes
from tests.training import SMALL, same, small
from trainer.fitting.augment import augmented
from trainer.fitting.fit import fit
from trainer.loop.data import Data, padded

MADE = small()
SIZES = MADE.words.sizes


def epoch(number: int = 0, **options: float) -> Data:
    return augmented(MADE.train, SIZES, replace(SMALL, **options), number)


def test_without_augmentation_nothing_is_copied() -> None:
    assert epoch() is MADE.train


def test_each_epoch_draws_anew_and_the_same_again() -> None:
    for options in ({"crop": 0.5}, {"mask": 0.2}, {"crop": 0.5, "mask": 0.2, "reorder": 0.5}):
        one, again, other = epoch(0, **options), epoch(0, **options), epoch(1, **options)
        assert torch.equal(one.rows, again.rows)
        assert one.rows.shape != other.rows.shape or not torch.equal(one.rows, other.rows)
        assert not same_seed(options, one)


def same_seed(options: dict[str, float], one: Data) -> bool:
    other = augmented(MADE.train, SIZES, replace(SMALL, seed=1, **options), 0)
    return one.rows.shape == other.rows.shape and torch.equal(one.rows, other.rows)


def test_masked_clicks_lose_item_category_and_page_and_keep_their_labels() -> None:
    made = epoch(mask=0.3)
    changed = (made.rows != MADE.train.rows).any(1)
    none = [SIZES.offsets[field] for field in (0, 1, 6)]
    assert 0.2 < changed.float().mean() < 0.4
    assert (made.rows[changed][:, [0, 1, 6]] == torch.tensor(none)).all()
    kept = [field for field in range(made.rows.shape[1]) if field not in (0, 1, 6)]
    assert torch.equal(made.rows[:, kept], MADE.train.rows[:, kept])
    assert torch.equal(made.target, MADE.train.target)


def test_cropped_sessions_are_stretches_of_at_least_half() -> None:
    made = epoch(crop=0.999)
    before, after = np.diff(MADE.train.bounds), np.diff(made.bounds)
    assert (after[before < 4] == before[before < 4]).all()
    assert (after >= np.minimum(before, np.ceil(before / 2))).all()
    assert (after < before).any()
    assert made.bounds[-1] == len(made.rows) == len(made.features) == len(made.target) == len(made.buys)
    for number in np.flatnonzero(after < before)[:20]:
        whole = MADE.train.rows[MADE.train.bounds[number] : MADE.train.bounds[number + 1]]
        part = made.rows[made.bounds[number] : made.bounds[number + 1]]
        starts = range(len(whole) - len(part) + 1)
        assert any(torch.equal(whole[start : start + len(part)], part) for start in starts)


def test_clicks_within_a_second_change_places_and_next_items_follow() -> None:
    sizes = Sizes(5)
    rows = torch.tensor([sizes.offsets[:7]] * 5)
    rows[:, 0] = torch.tensor([1, 2, 3, 4, 5])
    rows[:, 3] += torch.tensor([0, 3, 9, 4, 0])
    columns = MADE.train._replace(
        rows=rows, target=torch.tensor([1, 2, 3, 2, -1]), bounds=np.array([0, 4, 5])
    )
    columns = columns._replace(
        features=torch.arange(5.0)[:, None], buys=torch.zeros(5), judged=torch.ones(5, dtype=torch.bool)
    )
    columns = columns._replace(position=torch.arange(5), tasks=None)
    made = augmented(columns, sizes, replace(SMALL, reorder=0.999), 0)
    assert made.rows[:, 0].tolist() == [2, 1, 4, 3, 5]
    assert made.features[:, 0].tolist() == [1, 0, 3, 2, 4]
    # The segment's last click had item index 2 after it, which is now its own item.
    assert made.target.tolist() == [0, 3, 2, -1, -1]


def test_padded_places_hold_the_segments_clicks() -> None:
    where, inside = padded(np.array([0, 2, 5]), np.array([1, 0]))
    assert where.tolist() == [[2, 3, 4], [0, 1, 0]]
    assert inside.tolist() == [[True, True, True], [True, True, False]]


def test_augmentation_and_smoothing_reach_the_weights_and_repeat() -> None:
    options = replace(SMALL, epochs=1, crop=0.5, mask=0.2, reorder=0.5, smoothing=0.1)

    def run(chosen):
        return fit(MADE.network(chosen), MADE.train, MADE.valid, chosen, lambda progress: None)

    assert same(run(options), run(options))
    for plain in ({"crop": 0.0}, {"mask": 0.0}, {"smoothing": 0.0}):
        assert not same(run(options), run(replace(options, **plain)))
