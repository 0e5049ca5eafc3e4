"""Expected ratings on made ratings: items explain a third, visitors a fifth, the rest is chance."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from models.contract.head_table import Kind, Layout
from models.features.features import NAMES
from models.features.vocabulary import Sizes
from models.network.network import Config, Network
from models.network.ratings import PULL, Ratings
from models.registry import registry
from models.state.codes import items as item_hashes
from trainer.evaluation import head_baselines
from trainer.evaluation.evaluate import answers
from trainer.evaluation.heads_report import METRICS, heads
from trainer.examples.click_paths import Paths
from trainer.examples.examples import Examples
from trainer.examples.labels import LABELS
from trainer.examples.split import split
from trainer.fitting import rating_means
from trainer.fitting.rating_means import pull
from trainer.logs.log_replay import replay_log
from trainer.loop.data import prepare
from trainer.loop.options import Options
from trainer.loop.targets import HeadPlan
from trainer.training.build import build

START, MINUTE = 1_600_000_000_000, 60_000
ITEMS, VISITORS, EACH = 60, 300, 9


def made_log() -> Examples:
    """Visitors who look at an item and rate it a minute later, at random over ten days."""
    random, rows = np.random.default_rng(3), []
    quality, mood = random.normal(0, (1 / 3) ** 0.5, ITEMS), random.normal(0, 0.2**0.5, VISITORS)
    for visitor in range(VISITORS):
        for item, minute in zip(
            random.choice(ITEMS, EACH, replace=False), random.integers(0, 14_400, EACH), strict=True
        ):
            stars = 3 + quality[item] + mood[visitor] + random.normal(0, (1 - 1 / 3 - 0.2) ** 0.5)
            same = {"visitor_id": f"v{visitor}", "item_id": f"i{item}", "category": f"c{item % 4}"}
            rows.append(same | {"ts": START + int(minute) * MINUTE, "event": "view_item"})
            given = {"event": "rate_item", "rating": float(np.clip(stars, 0, 10))}
            rows.append(same | {"ts": START + int(minute + 1) * MINUTE} | given)
    frame = pl.DataFrame(rows, infer_schema_length=None).sort("ts", maintain_order=True)
    numbered = frame.with_row_index("n").select(pl.format("e{}", "n").alias("event_id"), pl.exclude("n"))
    return replay_log(numbered.lazy()).examples()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A version that learned the older three quarters, with its baselines; and the newest quarter."""
    learned, later = split(made_log(), (0.75, 0.25))
    learned, valid = split(learned, (0.8, 0.2))
    options = Options(epochs=3, seconds=1e9, clicks_per_batch=512, refit=False, trees="none", blend="none")
    parts = build(learned, valid, options, lambda progress: None)
    parts = replace(
        parts, baselines={"heads": head_baselines.learn(learned, HeadPlan.of(parts.network.config))}
    )
    folder = tmp_path_factory.mktemp("registry")
    version = registry.load(folder / registry.save(folder, parts, 1_700_000_000_000))
    return version, learned, later.grouped()


def test_held_out_ratings_are_explained_at_least_as_well_as_by_means(made) -> None:
    version, _, later = made
    told = answers(version.neural, later).tasks
    found = heads(version, later, np.ones(len(later), bool), told)["rating"]
    assert found["n"] > 300
    assert found["baselines"]["item_and_visitor_mean"] > found["baselines"]["item_mean"] > 0.2
    assert found["value"] >= found["baselines"]["item_and_visitor_mean"]
    assert found["value"] > found["baselines"]["item_mean"] + 0.03


def test_the_network_is_believed_no_further_than_validation_bears_out(made) -> None:
    version, _, later = made
    assert 0 <= float(version.network.ratings.trust) <= 1
    paths, part = Paths(later, 7), Layout.of(version.network.config.tasks)["rating"]
    known = ~np.isnan(LABELS["rating"](paths, part))
    said = answers(version.neural, later).tasks[:, part.answers.start]
    low, high = version.network.ratings.bounds.tolist()
    assert ((said[known] >= low) & (said[known] <= high)).all()
    assert METRICS["r2"](said[known], LABELS["rating"](paths, part)[known]) > 0.3


def test_a_click_without_an_item_has_no_rating_and_an_unknown_item_has_its_categorys(made) -> None:
    version, _, later = made
    ratings, words = version.network.ratings, version.vocabulary
    codes = later.codes[:1].copy()
    codes["item"], codes["flags"] = 12345, 0
    assert words.lookup(item_hashes(codes)).tolist() == [-1]
    rows, nobody = torch.from_numpy(words.rows(codes)), torch.zeros(1, len(NAMES))
    category = rows[0, 1] - words.sizes.offsets[1]
    assert float(ratings(rows, nobody)) == float(ratings.categories[category])
    codes["category"] = 0
    assert float(ratings(torch.from_numpy(words.rows(codes)), nobody)) == float(ratings.visitors[0])
    part = Layout.of(version.network.config.tasks)["rating"]
    features = later.features.copy()
    features[:, NAMES.index("has_item")] = 0
    told = answers(version.neural, replace(later, features=features)).tasks
    assert np.isnan(told[:, part.answers.start]).all()


def test_a_visitor_who_rates_high_is_expected_to_go_on_and_little_is_made_of_one_rating() -> None:
    ratings = Ratings(Sizes(3))
    for expected in (ratings.items, ratings.categories, ratings.visitors[:1]):
        expected.fill_(3.0)
    rows = torch.zeros(3, 7, dtype=torch.int64)
    rows[:, 1] = ratings.sizes.offsets[1]
    features = torch.zeros(3, len(NAMES))
    features[:, NAMES.index("ratings_given")] = torch.log1p(torch.tensor([0.0, 1.0, 30.0]))
    features[1:, NAMES.index("rating_mean")] = 5.0
    found = ratings(rows, features).tolist()
    assert found == pytest.approx([3, 3 + 2 / (1 + PULL), 3 + 2 * 30 / (30 + PULL)], rel=1e-5)


def test_the_shrinkage_is_what_the_variances_say() -> None:
    random, groups = np.random.default_rng(0), np.repeat(np.arange(2_000), 6)
    effect, noise = random.normal(0, 0.5, 2_000), random.normal(0, 1.0, len(groups))
    assert pull(groups, effect[groups] + noise) == pytest.approx(4, rel=0.15)
    assert pull(groups, noise) > 50
    assert pull(groups, effect[groups]) == 0.5
    assert pull(np.arange(9), noise[:9]) == pull(np.zeros(9, np.int64), noise[:9]) == PULL


@pytest.mark.parametrize(("signal", "least", "most"), [(1.0, 0.7, 1.0), (0.0, 0.0, 0.2), (-1.0, 0.0, 0.0)])
def test_trust_follows_validation(made, signal, least, most) -> None:
    """Outputs that are what the means leave are believed, those of chance and the contrary are not."""
    version, _, later = made
    network = Network(Config(**version.network.config.as_dict()))
    network.load_state_dict(version.network.state_dict())
    data = prepare(later, version.vocabulary, 50, HeadPlan.of(network.config))
    number, part = network.tasks.layout.of_kind(Kind.RATING)[0]
    left = (data.tasks.rating[:, 0] - network.ratings(data.rows, data.features)).nan_to_num()
    raw = torch.zeros(len(later), network.tasks.layout.raw)
    chance = torch.randn(len(later), generator=torch.Generator().manual_seed(0))
    raw[:, part.raw.start] = signal * left / network.tasks.lines[number, 0] if signal else chance
    rating_means.calibrate(network, raw, data)
    assert least <= float(network.ratings.trust) <= most
