"""Statistics of inputs: of the training part alone, saved with the version, prices by category."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.features import features
from models.network.network import Config, Network
from models.registry import registry
from tests.scoring import SHIPPED
from tests.tiny import parts
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.fitting import normalisation
from trainer.fitting.fit import initial
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.data import prepare
from trainer.loop.options import Options
from trainer.training.log_counts import vocabulary


def learned_and_later() -> list[Examples]:
    return split(replay_log(read_log([SHIPPED]).head(3000)).examples(), (0.7, 0.3))


def test_statistics_are_those_of_the_training_part() -> None:
    learned, later = learned_and_later()
    words, weights = vocabulary(learned)
    network = initial(words, weights, prepare(learned, words, 50), Options())
    place = features.NAMES.index("session_seconds")
    mine, theirs = (part.features[:, place] for part in (learned, later))
    assert network.mean[place].item() == pytest.approx(mine.mean(), rel=1e-5)
    assert network.mean[place].item() != pytest.approx(theirs.mean(), rel=1e-3)
    assert network.scale[place].item() == pytest.approx(1 / max(1, mine.std()), rel=1e-4)
    rows = network.normalised(torch.from_numpy(learned.features))
    used = network.scale > 0
    torch.testing.assert_close(rows.mean(0)[used][:-1], torch.zeros(int(used.sum()) - 1), atol=1e-3, rtol=0)
    never = [features.NAMES.index(name) for name in ("rating", "dropped", "age_band=3", "hour_sin")]
    assert not network.scale[never].any()


def test_without_interest_in_any_item_all_have_equal_shares() -> None:
    learned, _ = learned_and_later()
    words, weights = vocabulary(learned)
    network = initial(words, np.zeros_like(weights), prepare(learned, words, 50), Options())
    assert network.share.tolist() == pytest.approx([1 / len(weights)] * len(weights))
    assert network.item_bias.isfinite().all()


def test_statistics_are_saved_with_the_version(tmp_path: Path) -> None:
    made = parts(3, ("a", "b"))
    learned, _ = learned_and_later()
    normalisation.learn(made.network, torch.from_numpy(learned.features), ())
    loaded = registry.load(tmp_path / registry.save(tmp_path, made, 1_700_000_000_000)).neural._network
    for name in ("mean", "scale", "prices"):
        torch.testing.assert_close(getattr(loaded, name), getattr(made.network, name), atol=0, rtol=0)


def rows(*clicks: tuple[int, float | None]) -> torch.Tensor:
    """Feature rows of (category row, price)."""
    made = torch.zeros(len(clicks), len(features.NAMES))
    for row, (category, price) in zip(made, clicks, strict=True):
        row[features.POSITION] = category
        row[features.PRICE] = np.log1p(price or 0)
        row[features.PRICE_MISSING] = price is None
    return made


def position(network: Network, *clicks: tuple[int, float | None]) -> list[float]:
    return network.normalised(rows(*clicks))[:, features.POSITION].tolist()


def test_a_price_is_placed_within_its_category() -> None:
    random = np.random.default_rng(0)
    cheap = [(3, float(price)) for price in np.exp(random.normal(1, 0.5, 2000))]
    dear = [(512, float(price)) for price in np.exp(random.normal(6, 0.5, 2000))]
    network = Network(Config(5, len(features.NAMES)))
    normalisation.learn(network, rows(*cheap, *dear), ())
    low, middle, high = position(network, (3, 1.0), (3, np.e - 0.2), (3, 12.0))
    assert low < -1.5
    assert abs(middle) < 0.3
    assert 2 < high <= 3
    assert position(network, (512, 12.0)) == [-3]
    assert position(network, (3, None), (512, None)) == [0, 0]
    # A category nobody knows is judged by the whole shop's prices.
    assert position(network, (7, 12.0))[0] == position(network, (0, 12.0))[0]
    assert abs(position(network, (7, np.exp(3.5)))[0]) < 0.1


def test_without_prices_nothing_is_placed() -> None:
    network = Network(Config(5, len(features.NAMES)))
    normalisation.learn(network, rows((3, None), (4, None)), ())
    assert position(network, (3, 10.0)) == [0]
    normalisation.learn(network, rows((3, 1.0), (4, 2.0)), ("price_position",))
    assert position(network, (3, 10.0)) == [0]
