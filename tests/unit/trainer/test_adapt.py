"""Small steps: what changes, what stays, and that the gate has the last word."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from deploy.cli import main
from models import registry
from models.lifecycle import SessionConfig
from models.versions import Version
from tests.scoring import SHIPPED
from tests.training import same
from trainer.adapt import Step, adapted, ended, parts_of
from trainer.drift import since
from trainer.evaluate import answers, rungs
from trainer.examples import Examples
from trainer.ledger import Ledger
from trainer.logs import read_log
from trainer.options import Options
from trainer.promotions import Promotions
from trainer.train import Run, train
from trainer.walk import walk

QUICK = Options(epochs=1, seconds=1e9, hidden=16, embedding=16, heads_weight=0.5)
STEP = Step(calibrating_clicks=2_000)


@pytest.fixture(scope="module")
def examples() -> Examples:
    return walk(read_log([SHIPPED]).head(5_000)).examples()


@pytest.fixture(scope="module")
def version(tmp_path_factory) -> Version:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("adapt")
    read_log([SHIPPED]).head(5_000).sink_parquet(folder / "log.parquet")
    run = Run([folder / "log.parquet"], folder / "registry", options=QUICK, holdout=0.3)
    return train(run, 1_700_000_000_000, lambda progress: None)


def test_a_version_taken_apart_answers_as_before(version, examples) -> None:
    grouped = examples.part(examples.session < 50).grouped()
    one, other = answers(version.neural, grouped), answers(rungs(parts_of(version))["neural"], grouped)
    np.testing.assert_array_equal(one.purchase, other.purchase)
    np.testing.assert_array_equal(one.ranks, other.ranks)


def test_a_step_learns_and_leaves_the_rest_alone(version, examples) -> None:
    before = parts_of(version)
    recent = since(version, examples).clicks
    made = adapted(before, recent, examples, QUICK, STEP)
    again = adapted(before, recent, examples, QUICK, STEP)
    assert same(made.network, again.network)
    assert same(before.network, registry.load(version.path).network)
    assert not same(made.network, before.network)
    assert made.vocabulary is before.vocabulary
    assert len(made.index.recency) > len(before.index.recency)
    assert torch.equal(made.network.item_bias, before.network.item_bias)
    still = adapted(before, recent, examples, QUICK, replace(STEP, learning_rate=0.0))
    assert torch.equal(still.network.table.weight, before.network.table.weight)
    assert not torch.equal(still.network.calibration, before.network.calibration)


def test_sessions_that_are_over(examples) -> None:
    gap, now = SessionConfig().gap_ms, int(np.quantile(examples.ts, 0.5))
    found = ended(examples.part(examples.ts <= now), now, gap)
    whole = examples.part(np.isin(examples.session, found.session))
    assert len(found) == len(whole)
    assert found.ts.max() <= now - gap
    assert len(ended(examples, int(examples.ts.max()) + gap, gap)) == len(examples)


def test_the_gate_has_the_last_word(version, monkeypatch) -> None:
    folder = version.path.parent
    monkeypatch.setenv("PATHCAST_REGISTRY", str(folder))
    words = ["models", "adapt", "--events", str(folder.parent / "log.parquet"), "--no-announce"]
    assert "no version serves" in CliRunner().invoke(main, words).output
    Promotions(folder, lambda _: None, lambda: 1, "test").promote(version.id, "first")
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert "refused: there is too little to judge: only " in done.output
    [small] = Ledger(folder).standing().refused
    made = registry.load(folder / small)
    assert made.metrics["adapted from"] == version.id
    assert made.metrics["lineage"]["clicks"]["since"] > version.metrics["lineage"]["clicks"]["last_session"]
    assert Ledger(folder).standing().serving == version.id


def test_what_is_better_serves(version, tmp_path: Path, monkeypatch) -> None:
    """Limits as low as they go: equal and fresher is enough."""
    for name, value in {"LEAST_VISITORS": 2, "LEAST_BUYERS": 1, "MARGIN": 1, "CALIBRATION": 1}.items():
        monkeypatch.setenv(f"PATHCAST_GATE_{name}", str(value))
    monkeypatch.setenv("PATHCAST_REGISTRY", str(tmp_path / "registry"))
    named = registry.save(tmp_path / "registry", parts_of(version), 1_700_000_000_000)
    Promotions(tmp_path / "registry", lambda _: None, lambda: 1, "test").promote(named, "first")
    log = str(version.path.parent.parent / "log.parquet")
    done = CliRunner().invoke(main, ["models", "adapt", "--events", log, "--no-announce"])
    assert done.exit_code == 0, done.output
    found = Ledger(tmp_path / "registry").standing()
    assert (found.serving == named) == ("refused" in done.output)
    assert len(found.stack) + len(found.refused) == 2
