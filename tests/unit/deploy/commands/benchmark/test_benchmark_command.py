"""`pathcast benchmark next-item` as a script calls it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.cli import main

LINES = [" ".join(f"i{(start + step) % 9}" for step in range(5)) for start in range(9)] * 10


def call(folder: Path, *more: str, test: str = "i1 i2\ti3\ni4\ti5\n"):
    train, cases = folder / "train.txt", folder / "test.txt"
    train.write_text("\n".join(LINES) + "\n")
    cases.write_text(test)
    named = ["benchmark", "next-item", "--train", str(train), "--test", str(cases)]
    return CliRunner().invoke(main, [*named, *more])


def test_all_methods_are_measured_and_written(tmp_path: Path) -> None:
    small = [
        part for pair in ("epochs=2", "embedding=16", "hidden=16", "candidates=0") for part in ("--set", pair)
    ]
    done = call(tmp_path, *small, "--device", "cpu", "--json", str(tmp_path / "out.json"))
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "out.json").read_text())
    named = "popularity item_knn association_rules sequential_rules vstan network hybrid"
    assert list(found) == named.split()
    for method, figures in found.items():
        assert set(figures) == {"recall@20", "mrr@20", "seconds"}
        assert method in done.output
    assert found["sequential_rules"]["mrr@20"] == 1


def test_some_methods_are_measured(tmp_path: Path) -> None:
    done = call(tmp_path, "--methods", "vstan, popularity", "--json", str(tmp_path / "out.json"))
    assert done.exit_code == 0, done.output
    assert list(json.loads((tmp_path / "out.json").read_text())) == ["vstan", "popularity"]


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    assert (
        "method 'lstm' is unknown; choose all or from popularity"
        in call(tmp_path, "--methods", "lstm").output
    )
    assert "'epoch' is no training setting" in call(tmp_path, "--set", "epoch=1").output
    broken = call(tmp_path, "--methods", "vstan", test="i1 i2 i3\n")
    assert broken.exit_code == 1
    assert "line 1 of test.txt" in broken.output


JUDGING = [
    ("evaluate", "--model", "v1", "--registry", "nowhere"),
    ("demand",),
    ("drift",),
    ("benchmark", "lapsing"),
    ("benchmark", "prequential"),
    ("benchmark", "damage", "--model", "v1"),
    ("benchmark", "cold-items"),
    ("benchmark", "transfer", "--model", "v1", "--registry", "nowhere"),
    ("benchmark", "next-item"),
]


@pytest.mark.parametrize("words", JUDGING, ids=" ".join)
def test_a_file_that_cannot_be_written_is_said_first(words: tuple[str, ...], tmp_path: Path) -> None:
    """`--json` stands first, so that it is read before what the command lacks."""
    group, rest = (words[:2], words[2:]) if words[0] == "benchmark" else (words[:1], words[1:])
    out = tmp_path / "none" / "out.json"
    done = CliRunner().invoke(main, [*group, "--json", str(out), *rest])
    assert done.exit_code == 2
    assert f"{out} cannot be written: {out.parent} is no folder; make it, or name another" in said(done)
    assert CliRunner().invoke(main, [*group, "--json", str(tmp_path), *rest]).exit_code == 2


def said(done) -> str:
    return " ".join(done.output.split())
