"""The compiled walk gives LightGBM's own bits, for every kind of node; what is no such text is refused."""

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.scoring import tree_kernel

ROWS, WIDTH, CATEGORIES = 3_000, 6, 70
ODD = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-36, -1e-36, 1e-35, 3e9, -3e9, -0.5, -1.0)


def table(seed):
    """Columns of numbers with holes and zeros, and a column of categories."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(ROWS, WIDTH)).astype(np.float32)
    columns[rng.random(columns.shape) < 0.2] = np.nan
    columns[rng.random(columns.shape) < 0.2] = 0
    columns[:, -1] = rng.integers(0, CATEGORIES, ROWS)
    return columns


def booster(rounds=30, **settings):
    columns = table(0)
    numbers = np.nan_to_num(columns)
    own = np.sin(columns[:, -1]) + numbers[:, 0] + np.where(np.isnan(columns[:, 1]), 2.0, numbers[:, 1])
    bought = own + np.random.default_rng(1).normal(size=ROWS) > 1
    params = {"objective": "binary", "num_leaves": 12, "min_data_in_leaf": 5, "verbose": -1, "seed": 0}
    data = lightgbm.Dataset(columns, bought, categorical_feature=[WIDTH - 1])
    return lightgbm.train(params | settings, data, rounds)


KINDS = {
    "NaN is missing": {},
    "zero is missing": {"zero_as_missing": True},
    "nothing is missing": {"use_missing": False},
    "one leaf a tree": {"min_data_in_leaf": ROWS},
    "many categories a set": {"max_cat_to_onehot": 2, "min_data_per_group": 5, "cat_smooth": 1},
}


@pytest.fixture(scope="module", params=KINDS.values(), ids=list(KINDS))
def trained(request):
    made = booster(**request.param)
    return made, *tree_kernel.read_bags(made.model_to_string())


def said(trees, columns):
    out = np.zeros(len(columns))
    tree_kernel.add(trees, columns, out)
    return out


def test_the_same_bits_as_lightgbm(trained):
    made, trees, width = trained
    assert width == WIDTH
    for columns in (table(0), table(5), np.array([[odd] * WIDTH for odd in ODD], dtype=np.float32)):
        expected = made.predict(columns, raw_score=True, num_threads=1)
        np.testing.assert_array_equal(said(trees, columns), expected)
        one_by_one = np.concatenate([said(trees, columns[row : row + 1]) for row in range(20 % len(columns))])
        np.testing.assert_array_equal(one_by_one, expected[: len(one_by_one)])


def test_uncompiled_functions_give_the_same(trained, monkeypatch):
    _, trees, _ = trained
    columns = table(3)[:40]
    compiled = said(trees, columns)
    for name in ("add", "goes_left", "in_set"):
        monkeypatch.setattr(tree_kernel, name, getattr(tree_kernel, name).py_func)
    np.testing.assert_array_equal(said(trees, columns), compiled)


TEXT = booster(rounds=2).model_to_string()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tree", "LightGBM cannot have written"),
        (TEXT.replace("num_tree_per_iteration=1", "num_tree_per_iteration=3"), "several classes"),
        (TEXT.replace("is_linear=0", "is_linear=1"), "linear trees"),
        (TEXT.replace("right_child=", "wrong_child="), "cut off or changed"),
        (TEXT.replace("max_feature_idx=5", "max_feature_idx=2"), "outside the 3"),
    ],
)
def test_other_texts_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        tree_kernel.read_bags(text)


@given(st.integers(0, len(TEXT) - 1), st.sampled_from("0-9 x\n="))
def test_a_changed_text_is_read_or_refused_and_never_walked_out_of(place, letter):
    changed = TEXT[:place] + letter + TEXT[place + 1 :]
    try:
        trees, width = tree_kernel.read_bags(changed)
    except ValueError:
        return
    said(trees, np.zeros((3, width), dtype=np.float32)[:, : min(width, 10_000)])
