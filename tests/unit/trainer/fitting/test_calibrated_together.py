"""Heads calibrated each on its condition are calibrated together: what is said happens as often."""

import numpy as np
import pytest
import torch

from models import quality_metrics
from models.contract.head_table import HEADS, OTHER, Kind
from models.features.features import NAMES
from models.network.network import Config, Network
from trainer.fitting.head_losses import calibrate
from trainer.loop.targets import Targets

COUNT = 40_000
TASKS = tuple((h.name, h.classes if isinstance(h.classes, tuple) else ("a", OTHER)) for h in HEADS)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


@pytest.fixture(scope="module")
def world() -> dict[str, np.ndarray]:
    """Clicks whose sessions buy with `chance`; heads that know the rest, in logits of another scale."""
    random = np.random.default_rng(0)
    chance = random.uniform(0, 0.7, COUNT)
    made = {"chance": chance, "buys": random.random(COUNT) < chance}
    made["raw"] = random.normal(0, 1, (COUNT, Network(Config(5, len(NAMES), tasks=TASKS)).tasks.layout.raw))
    day, week = sigmoid(1.5 * made["raw"][:, 0] - 1.5), sigmoid(0.7 * made["raw"][:, 1] - 0.5)
    made["day"] = made["buys"] | (random.random(COUNT) < day)
    made["week"] = made["day"] | (random.random(COUNT) < week)
    made["paid"] = np.where(made["buys"], np.exp(random.normal(2, 1, COUNT)), 0)
    return made


@pytest.fixture(scope="module")
def found(world) -> dict[str, np.ndarray]:
    torch.manual_seed(0)
    tasks = Network(Config(5, len(NAMES), tasks=TASKS, churn_days=30)).tasks
    raw, layout = torch.from_numpy(world["raw"]).float(), tasks.layout
    binary = np.full((COUNT, len(layout.of_kind(Kind.BINARY))), np.nan)
    assert [part.head.name for _, part in layout.of_kind(Kind.BINARY)][:2] == ["purchase_24h", "purchase_7d"]
    binary[:, 0] = np.where(world["buys"], np.nan, world["day"])
    binary[:, 1] = np.where(world["day"], np.nan, world["week"])
    labels = Targets(
        torch.from_numpy(binary).float(),
        torch.full((COUNT, len(layout.of_kind(Kind.CLASSES)), 5), -1),
        torch.from_numpy(np.where(world["buys"], world["paid"], np.nan)).float()[:, None],
        torch.full((COUNT, 1), torch.nan),
        torch.from_numpy(world["buys"]).float(),
    )
    calibrate(tasks, raw, labels)
    said = tasks.answers(
        raw, torch.from_numpy(world["chance"]).float(), np.zeros((COUNT, len(NAMES)), np.float32)
    )
    return {part.head.name: said[:, part.answers].detach().numpy() for part in layout.parts}


@pytest.mark.parametrize(("name", "label"), [("purchase_24h", "day"), ("purchase_7d", "week")])
def test_hazards_come_to_what_happens(found, world, name: str, label: str) -> None:
    assert quality_metrics.calibration_error(found[name][:, 0], world[label]) < 0.01
    # Among those likely to buy at once as among those who are not.
    for sure in (world["chance"] < 0.2, world["chance"] > 0.5):
        assert found[name][sure, 0].mean() == pytest.approx(world[label][sure].mean(), abs=0.015)


def test_expected_values_come_to_what_is_paid(found, world) -> None:
    assert found["session_value"].sum() == pytest.approx(world["paid"].sum(), rel=0.05)
