"""The gate on a real log: what is worse or broken does not serve, and the report says why."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from deploy.cli import main
from models.registry import registry
from models.registry.versions import FORMAT
from tests.scoring import SHIPPED
from trainer.baselines import Baselines
from trainer.evaluation.holdout import Holdout
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.gate.admission import admit
from trainer.gate.gate import judge, serving
from trainer.gate.gate_figures import contestant
from trainer.gate.gate_settings import GateSettings
from trainer.logs.lineage import last_session, lineage
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.options import Options
from trainer.promotion.ledger import Ledger
from trainer.promotion.promotions import Promotions
from trainer.training.build import build

#: What a manifest of this program says of its format, and what one of a newer program says.
NOW, NEWER = (f'"format": {number}'.encode() for number in (FORMAT, FORMAT + 1))
ROWS, CREATED = 7_000, 1_700_000_000_000
QUICK = Options(epochs=2, seconds=1e9, hidden=16, embedding=16, heads_weight=0, learning_rate=5e-3)
SETTINGS = GateSettings(least_visitors=50, least_buyers=5, margin=1.0, calibration=0.2)


@pytest.fixture(scope="module")
def examples() -> Examples:
    return replay_log(read_log([SHIPPED]).head(ROWS)).examples()


def made(folder: Path, learned: Examples, valid: Examples, created: int, seed: int = 0) -> str:
    parts = build(learned, valid, replace(QUICK, seed=seed), lambda progress: None)
    origin = {"lineage": lineage([SHIPPED], seed, (learned, valid), {})}
    known = Baselines.learn(learned, valid).state if seed == 0 else {}
    parts = replace(parts, metrics=parts.metrics | origin, baselines=known)
    return registry.save(folder, parts, CREATED + created * 1000)


def shuffled(examples: Examples) -> Examples:
    random = np.random.default_rng(0)
    return replace(
        examples, buys=random.permutation(examples.buys), target=random.permutation(examples.target)
    )


@pytest.fixture(scope="module")
def versions(examples, tmp_path_factory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("registry")
    torch.set_num_threads(1)
    learned, valid, _ = split(examples, (0.55, 0.15, 0.3))
    names = {
        "good": made(folder, learned, valid, 1),
        "shuffled": made(folder, shuffled(learned), shuffled(valid), 2, seed=1),
    }
    return folder, names


@pytest.fixture
def world(versions, tmp_path) -> tuple[Promotions, dict[str, str]]:
    folder, names = versions
    shutil.copytree(folder, tmp_path / "registry")
    times = iter(range(1, 100))
    moves = Promotions(tmp_path / "registry", lambda version: None, lambda: next(times), "gate")
    return moves, names


def test_the_first_serves_and_one_of_shuffled_labels_is_refused(world, examples) -> None:
    moves, names = world
    first = admit(names["good"], examples, SETTINGS, moves)
    assert first.verdict.passed, first.verdict.reason
    assert {"session_knn", "popular_in_category", "lightgbm", "base_rate"} <= set(first.figures["figures"])
    worse = admit(names["shuffled"], examples, SETTINGS, moves)
    assert worse.verdict.reason.startswith(("it is worse than ", "it is behind "))
    found = Ledger(moves.folder).status()
    assert (found.serving, found.refused) == (names["good"], {names["shuffled"]: worse.verdict.reason})


def test_what_is_better_beyond_noise_replaces_what_serves(world, examples) -> None:
    moves, names = world
    moves.promote(names["shuffled"], "by mistake")
    report = admit(names["good"], examples, SETTINGS, moves)
    assert report.verdict.passed
    assert report.verdict.reason.startswith(f"it is better than {names['shuffled']} in ")
    assert Ledger(moves.folder).status().stack == [names["shuffled"], names["good"]]


def test_the_report_stays_with_the_version(world, examples) -> None:
    moves, names = world
    moves.promote(names["good"], "first")
    report = admit(names["shuffled"], examples, SETTINGS, moves)
    folder = moves.folder / names["shuffled"] / "gate"
    assert json.loads((folder / "report.json").read_bytes()) == json.loads(json.dumps(report.figures))
    assert (folder / "report.png").read_bytes().startswith(b"\x89PNG")
    text = (folder / "report.md").read_text()
    assert text.startswith(f"# {names['shuffled']}: refused\n\nIt is ")
    for heading in ("| ahead of | figure |", "| floor | found |", "| session_knn |", f"| {names['good']} |"):
        assert heading in text
    assert registry.load(moves.folder / names["shuffled"]).id == names["shuffled"]


@pytest.mark.parametrize(
    ("file", "change", "why"),
    [
        ("model.safetensors", lambda content: content[: len(content) // 2], "its manifest says"),
        ("model.safetensors", lambda content: content[:-1] + bytes([content[-1] ^ 1]), "SHA-256"),
        ("manifest.json", lambda content: content.replace(NOW, NEWER), f"format {FORMAT + 1}"),
        ("manifest.json", lambda content: b"{", "unreadable"),
    ],
)
def test_what_cannot_be_loaded_is_refused_in_words(world, examples, file, change, why) -> None:
    moves, names = world
    moves.promote(names["good"], "first")
    path = moves.folder / names["shuffled"] / file
    path.write_bytes(change(path.read_bytes()))
    report = admit(names["shuffled"], examples, SETTINGS, moves)
    assert not report.verdict.passed
    assert why in report.verdict.reason
    found = Ledger(moves.folder).status()
    assert (found.serving, list(found.refused)) == (names["good"], [names["shuffled"]])
    assert (moves.folder / names["shuffled"] / "gate" / "report.md").exists()


def test_only_what_nobody_has_seen_and_what_is_over_counts(world, examples) -> None:
    moves, names = world
    seen = last_session(registry.load(moves.folder / names["good"]).metrics)
    newest = Holdout.newest(examples, seen)
    assert len(newest.clicks)
    session, first = np.unique(newest.clicks.session, return_index=True)
    assert newest.clicks.ts[first].min() > seen
    assert newest.clicks.ts.max() <= examples.ts.max() - 30 * 60_000
    whole = np.isin(examples.session, session).sum()
    assert whole == len(newest.clicks)
    report = judge(moves.folder / names["good"], None, examples, GateSettings(least_visitors=10**6))
    assert report.verdict.reason.startswith("there is too little to judge: only ")
    after_all = Holdout.newest(examples, int(examples.ts.max()))
    assert (len(after_all.clicks), after_all.visitors, after_all.buyers) == (0, 0, 0)


def test_a_version_is_equal_to_itself(world, examples) -> None:
    moves, names = world
    version = registry.load(moves.folder / names["good"])
    newest = Holdout.newest(examples, last_session(version.metrics))
    met = contestant(version.neural, newest, len(version.vocabulary.ids))
    assert set(met.against(met).values()) == {(0.0, 0.0, 0.0)}
    again = judge(moves.folder / names["good"], version, examples, SETTINGS)
    assert not again.verdict.passed
    assert again.verdict.reason.endswith("has seen nothing newer")


def test_an_incumbent_that_is_broken_does_not_keep_its_place(world, examples) -> None:
    moves, names = world
    moves.promote(names["shuffled"], "first")
    (moves.folder / names["shuffled"] / "config.json").unlink()
    assert serving(moves, names["good"]) is None
    assert admit(names["good"], examples, SETTINGS, moves).verdict.passed


def test_the_command(world, tmp_path, monkeypatch) -> None:
    moves, names = world
    log = tmp_path / "log.parquet"
    read_log([SHIPPED]).head(ROWS).sink_parquet(log)
    for name in ("LEAST_VISITORS", "LEAST_BUYERS", "MARGIN", "CALIBRATION"):
        monkeypatch.setenv(f"PATHCAST_GATE_{name}", str(getattr(SETTINGS, name.lower())))
    monkeypatch.setenv("PATHCAST_REGISTRY", str(moves.folder))

    def gate(name: str, *more: str) -> str:
        words = ["models", "gate", names[name], "--events", str(log), "--no-announce", *more]
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.output
        return done.output

    assert f"{names['good']} passed: nothing serves yet" in gate("good", "--no-promote")
    assert Ledger(moves.folder).entries() == []
    gate("good")
    assert Ledger(moves.folder).status().serving == names["good"]
    assert f"{names['shuffled']} refused: it is " in gate("shuffled")
    shown = CliRunner().invoke(main, ["models", "show", names["shuffled"]]).output
    assert "verdict: refused" in shown
    assert "state: refused" in shown
