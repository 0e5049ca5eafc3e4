"""Small steps: what changes, what stays, and that the gate has the last word."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from deploy.cli import main
from deploy.runs.incremental_updates import drop_steps, take_step
from models.registry import registry
from models.registry.versions import Version
from models.sessions.lifecycle import SessionConfig
from tests.eventlogs import shipped
from tests.scoring import SHIPPED
from tests.training import same
from trainer.drift.drift import since
from trainer.evaluation.evaluate import answers, tiers
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_erasure import forget
from trainer.examples.examples import Examples
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.options import Options
from trainer.promotion.ledger import Ledger
from trainer.promotion.promotions import Promotions
from trainer.promotion.resolve import versions
from trainer.run_processes import BUSY
from trainer.service.workdir import Workdir
from trainer.settings import TrainerSettings
from trainer.training.adapt import IncrementalUpdate, ended, incremental_update, parts_of
from trainer.training.log_parts import Run
from trainer.training.train import train

QUICK = Options(epochs=1, seconds=1e9, hidden=16, embedding=16, heads_weight=0.5)
STEP = IncrementalUpdate(calibrating_clicks=2_000, min_buyers=1)


@pytest.fixture(scope="module")
def examples() -> Examples:
    return replay_log(read_log([SHIPPED]).head(5_000)).examples()


@pytest.fixture(scope="module")
def version(tmp_path_factory) -> Version:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("adapt")
    read_log([SHIPPED]).head(5_000).sink_parquet(folder / "log.parquet")
    run = Run([folder / "log.parquet"], folder / "registry", options=QUICK, holdout=0.3)
    return train(run, 1_700_000_000_000, lambda progress: None)


def test_a_version_taken_apart_answers_as_before(version, examples) -> None:
    grouped = examples.part(examples.session < 50).grouped()
    one, other = answers(version.neural, grouped), answers(tiers(parts_of(version))["neural"], grouped)
    np.testing.assert_array_equal(one.purchase, other.purchase)
    np.testing.assert_array_equal(one.ranks, other.ranks)


def test_a_step_learns_and_leaves_the_rest_alone(version, examples) -> None:
    before = parts_of(version)
    recent = since(version, examples).clicks
    made = incremental_update(before, recent, examples, QUICK, STEP)
    again = incremental_update(before, recent, examples, QUICK, STEP)
    assert same(made.network, again.network)
    assert same(before.network, registry.load(version.path).network)
    assert not same(made.network, before.network)
    assert made.vocabulary is before.vocabulary
    assert len(made.index.recency) > len(before.index.recency)
    assert torch.equal(made.network.item_bias, before.network.item_bias)
    still = incremental_update(before, recent, examples, QUICK, replace(STEP, learning_rate=0.0))
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
    [small] = Ledger(folder).status().refused
    made = registry.load(folder / small)
    assert made.metrics["adapted from"] == version.id
    assert made.metrics["lineage"]["clicks"]["since"] > version.metrics["lineage"]["clicks"]["last_session"]
    assert Ledger(folder).status().serving == version.id


def test_a_log_without_newer_clicks_is_refused(version, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATHCAST_REGISTRY", str(tmp_path / "registry"))
    named = registry.save(tmp_path / "registry", parts_of(version), 1_700_000_000_000)
    Promotions(tmp_path / "registry", lambda _: None, lambda: 1, "test").promote(named, "first")
    read_log([SHIPPED]).head(1_000).sink_parquet(tmp_path / "old.parquet")
    words = ["models", "adapt", "--events", str(tmp_path / "old.parquet"), "--no-announce"]
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "no sessions since 20" in done.stderr


@pytest.mark.parametrize("rate", ["-1", "0", "nan", "inf"])
def test_a_rate_that_is_none_is_refused(version, rate: str) -> None:
    log = str(version.path.parent.parent / "log.parquet")
    done = CliRunner().invoke(main, ["models", "adapt", "--events", log, "--learning-rate", rate])
    assert done.exit_code == 2
    assert "is not in the range 0<x<=1" in done.stderr


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
    found = Ledger(tmp_path / "registry").status()
    assert (found.serving == named) == ("refused" in done.output)
    assert len(found.stack) + len(found.refused) == 2


@pytest.fixture
def between(version, tmp_path, broker, topics, monkeypatch) -> tuple[Path, EventLog]:
    """What the trainer has between runs: an event log, a version that serves, a broker."""
    log = EventLog.at(str(tmp_path / "log"))
    shipped(log, 5_000)
    named = registry.save(tmp_path / "registry", parts_of(version), 1_700_000_000_000)
    Promotions(tmp_path / "registry", lambda _: None, lambda: 1, "test").promote(named, "first")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    monkeypatch.setenv("PATHCAST_REGISTRY", str(tmp_path / "registry"))
    for role, name in topics.model_dump().items():
        monkeypatch.setenv(f"PATHCAST_TOPIC_{role.upper()}", name)
    for name, folder in {"LOG": "log", "WORKDIR": "work"}.items():
        monkeypatch.setenv(f"PATHCAST_TRAINER_{name}", str(tmp_path / folder))
    return tmp_path / "registry", log


def test_the_trainer_takes_no_step_that_could_not_be_judged(between, monkeypatch) -> None:
    folder, _ = between
    before = versions(folder)
    assert take_step(TrainerSettings(), STEP).startswith("no step yet: only ")
    assert take_step(TrainerSettings(), replace(STEP, min_clicks=10**6)).endswith("expected 1,000,000")
    monkeypatch.setenv("PATHCAST_REGISTRY", str(folder / "empty"))
    assert take_step(TrainerSettings(), STEP) == "no version serves, so none can be adapted"
    assert versions(folder) == before


def test_the_trainers_step_goes_through_the_gate_and_old_ones_go(between, monkeypatch) -> None:
    folder, log = between
    for name, value in {"LEAST_VISITORS": 2, "LEAST_BUYERS": 1, "MARGIN": 1, "CALIBRATION": 1}.items():
        monkeypatch.setenv(f"PATHCAST_GATE_{name}", str(value))
    [first] = versions(folder)
    said = take_step(TrainerSettings(), STEP)
    [small] = set(versions(folder)) - {first}
    assert said.startswith(f"{small} ")
    found = Ledger(folder).status()
    assert found.serving == (small if " passed: " in said else first)
    metrics = registry.load(folder / small).metrics
    assert metrics["adapted from"] == first
    assert metrics["lineage"]["offsets"]
    assert not list((folder.parent / "work").glob("adapt-*"))
    Promotions(folder, lambda _: None, lambda: 2, "test").promote(first, "by hand")
    Promotions(folder, lambda _: None, lambda: 2, "test").refuse(small, "old")
    assert drop_steps(TrainerSettings()) == []
    os.utime(folder / small, (0, 0))
    forget(log, ["nobody"], 10**15)
    assert "a visitor was forgotten meanwhile" in take_step(TrainerSettings(), STEP)
    monkeypatch.setenv("PATHCAST_TRAINER_ADAPT_KEEP_HOURS", "1")
    kept = {first, *Ledger(folder).status().stack}
    assert drop_steps(TrainerSettings()) == ([] if small in kept else [small])
    assert set(versions(folder)) == kept


def test_a_step_waits_for_a_run(between) -> None:
    with Workdir(TrainerSettings().workdir).alone():
        assert CliRunner().invoke(main, ["trainer", "adapt"]).exit_code == BUSY
