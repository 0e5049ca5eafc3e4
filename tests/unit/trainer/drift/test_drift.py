"""Drift: nothing is raised by chance, what was changed on purpose is."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from prometheus_client import generate_latest

from deploy.cli import main
from models.features.features import NAMES
from models.registry import registry
from models.registry.versions import Version
from tests.scoring import SHIPPED
from trainer.drift.drift import Drift, measure, since
from trainer.drift.drift_report import DriftMetrics, picture
from trainer.drift.drift_settings import DriftSettings
from trainer.drift.psi import Histogram
from trainer.examples.examples import Examples
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.options import Options
from trainer.training.log_parts import Run
from trainer.training.train import train

SETTINGS = DriftSettings(least_sessions=50)
QUICK = Options(epochs=1, seconds=1e9, hidden=16, embedding=16, heads_weight=0)


def test_the_index_by_hand() -> None:
    found = Histogram([1.0], [0.5, 0.5])
    now = np.repeat([0.0, 2.0], [3, 1])
    expected = (0.75 - 0.5) * np.log(0.75 / 0.5) + (0.25 - 0.5) * np.log(0.25 / 0.5)
    assert found.stability(now) == pytest.approx(expected)
    assert found.stability(np.repeat([0.0, 2.0], 5)) == 0


@pytest.mark.parametrize("values", ["normal", "mostly zero", "whole numbers", "constant"])
def test_a_distribution_has_not_moved_from_itself(values) -> None:
    random = np.random.default_rng(0)
    draw = {
        "normal": lambda n: random.normal(size=n),
        "mostly zero": lambda n: random.random(n) * (random.random(n) < 0.05),
        "whole numbers": lambda n: random.poisson(2, n),
        "constant": lambda n: np.full(n, 1 / 3),
    }[values]
    sample = draw(4_000).astype(np.float32)
    found = Histogram.of(sample)
    assert found.stability(sample) < 1e-6
    indices = [found.stability(draw(500).astype(np.float32)) for _ in range(50)]
    assert max(indices) < found.chance(4_000, 500)
    if values != "constant":
        assert found.stability(draw(500).astype(np.float32) + 2) > 0.5


def test_a_value_never_seen_makes_no_infinite_index() -> None:
    assert 1 < Histogram.of(np.zeros(100)).stability(np.ones(100)) < 20


@pytest.fixture(scope="module")
def examples() -> Examples:
    return replay_log(read_log([SHIPPED]).head(8_000)).examples()


@pytest.fixture(scope="module")
def version(tmp_path_factory) -> Version:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("drift")
    read_log([SHIPPED]).head(8_000).sink_parquet(folder / "log.parquet")
    run = Run([folder / "log.parquet"], folder / "registry", options=QUICK, holdout=0.2)
    return train(run, 1_700_000_000_000, lambda progress: None)


def measured(version: Version, examples: Examples, **changed) -> Drift:
    newest = since(version, examples)
    found = measure(version, replace(newest, clicks=replace(newest.clicks, **changed)), SETTINGS)
    assert found is not None
    return found


def test_what_a_version_keeps_is_small_and_of_its_validation(version) -> None:
    kept = version.metrics["reference"]
    assert len(json.dumps(kept)) < 60_000
    assert 0 < kept["new_items"] < 1
    assert not {"hour", "weekday"} & set(kept["features"])
    assert sum(kept["score"]["shares"]) == pytest.approx(1, abs=1e-3)


def test_buying_that_changes_raises_an_alarm(version, examples) -> None:
    newest = since(version, examples).clicks
    all_buy = measured(version, examples, buys=np.ones(len(newest), bool))
    assert all_buy.bought == 1
    assert any("of the clicks and came after 100.00%" in alarm for alarm in all_buy.alarms)
    assert all_buy.gap[1] < 0


def test_unknown_items_raise_an_alarm(version, examples) -> None:
    codes = since(version, examples).clicks.codes.copy()
    codes["item"][codes["item"] != 0] ^= np.uint64(1)
    found = measured(version, examples, codes=codes)
    assert found.new_items == 1
    assert "100% of the clicks are on items that the version does not know" in found.alarms


def test_other_visitors_raise_an_alarm(version, examples) -> None:
    features = since(version, examples).clicks.features.copy()
    found = measured(version, examples, features=features)
    assert not any("features have moved" in alarm for alarm in found.alarms)
    moved = measured(version, examples, features=features + np.float32(50))
    assert any("features have moved" in alarm for alarm in moved.alarms)
    assert moved.score != found.score
    assert set(moved.features) <= set(NAMES)


def test_too_few_sessions_say_nothing(version, examples) -> None:
    assert measure(version, since(version, examples), DriftSettings(least_sessions=10**6)) is None
    old = replace(version, metrics={})
    assert measure(old, since(old, examples), SETTINGS) is None


def test_for_people_and_for_monitoring(version, examples) -> None:
    found = measured(version, examples)
    assert picture(found).startswith(b"\x89PNG")
    gauges = DriftMetrics()
    gauges.show(found)
    text = generate_latest(gauges.registry).decode()
    assert f'pathcast_drift_stability_index{{of="score"}} {found.score}' in text
    assert f"pathcast_drift_alarms {len(found.alarms)}.0" in text
    assert 'pathcast_drift_purchases{which="bought"}' in text


def test_the_command(version, tmp_path: Path, monkeypatch) -> None:
    log = version.path.parent.parent / "log.parquet"
    monkeypatch.setenv("PATHCAST_DRIFT_LEAST_SESSIONS", "50")
    words = ["drift", "--model", version.id, "--registry", str(version.path.parent), "--events", str(log)]
    files = {name: tmp_path / name for name in ("json", "picture", "metrics")}
    done = CliRunner().invoke(main, [*words, *(f"--{name}={path}" for name, path in files.items())])
    found = json.loads(files["json"].read_text())
    assert done.exit_code == (3 if found["alarms"] else 0), done.output
    assert "stability index of scores" in done.output
    assert files["picture"].read_bytes().startswith(b"\x89PNG")
    assert "pathcast_drift_new_items" in files["metrics"].read_text()
    monkeypatch.setenv("PATHCAST_DRIFT_LEAST_SESSIONS", "1000000")
    assert "cannot be measured" in CliRunner().invoke(main, words).output
    words[2] = "none"
    assert "is no version of" in CliRunner().invoke(main, words).output
    assert registry.load(version.path).id == version.id
