"""The benchmark runs, at sizes that measure nothing: figures of every part come out, none is judged."""

import msgspec
import pytest
from click.testing import CliRunner

pytest.importorskip("quixstreams", reason="the `bench` extra is not installed: pip install -e '.[bench]'")

from models.network.encoders import ENCODERS
from tests.bench import kernels, trained_items
from tests.bench.__main__ import main
from tests.bench.clicks import SHIPPED, Log

pytestmark = pytest.mark.long

KEYS = {
    "counting": {"faust", "quix", "pathcast"},
    "full": {"pathcast", "neural_share", "stages", "records_per_chunk"},
    "latency": {"p50_ms", "p99_ms", "clicks", "rate"},
    "bare": {"p50_ms", "p99_ms", "clicks", "rate"},
    "shared": {"workers", "pathcast", "neural_share", "p50_ms", "p99_ms", "clicks"},
    "recovery": {"visitors", "seconds", "changelog_bytes"},
    "sealing": {"key at hand", "key read", "key made"},
    "encoders": set(ENCODERS) - {"gru"},
}


@pytest.mark.timeout(900)
def test_every_part_gives_its_figures(tmp_path):
    path = tmp_path / "bench.json"
    result = CliRunner(env={"COLUMNS": "200"}).invoke(main, ["--quick", "--json", str(path)])
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    found = msgspec.json.decode(path.read_bytes())
    assert {part: set(found[part]) for part in KEYS} == KEYS
    assert all(rate > 0 for rate in found["counting"].values())
    assert found["full"]["neural_share"] == found["shared"]["neural_share"] == 1.0
    assert all(other["neural_share"] == 1.0 for other in found["encoders"].values())
    assert all(cost["us"] > 0 for cost in found["scoring"].values())
    assert all(cost["exact_us"] > 0 for cost in found["retrieving"].values())
    assert all(cost.get("recall", 1) > 0.98 for cost in found["retrieving"].values())
    assert all(cost["plain_us"] > 0 for cost in found["sealing"].values())
    # None where the log for it is missing, which the run says.
    assert found["training"] is None or found["training"]["session_parallel"]["rate"] > 0
    ratios = {"counting_to_faust", "counting_to_quix", "full_to_faust", "shared_to_faust"}
    assert set(found["ratios"]) == ratios
    assert "recovery of 500 visitors" in result.output


def test_sessions_laid_out_anew_are_the_logs_own():
    log = Log(SHIPPED)
    stream = log.stream(5_000, 500, 1_700_000_000_000, 100_000)
    assert len(stream) == 5_000
    assert stream["event_id"].n_unique() == 5_000
    assert stream["ts"].is_sorted()
    assert stream["ts"].min() >= 1_700_000_000_000
    assert log.frame["item_id"].drop_nulls().n_unique() == 1_000
    original = {(event, item) for event, item in log.frame.select("event", "item_id").iter_rows()}
    assert set(stream.select("event", "item_id").iter_rows()) <= original


def test_trained_items_are_trained_once_and_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(trained_items, "KEPT", tmp_path)
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("".join(f"a b i{number}\n" for number in range(60)))
    test.write_text("a\tb\nb\ti7\n")
    named = ["--train", str(train), "--test", str(test), "--seconds", "0"]
    small = [
        part for one in ("epochs=1", "candidates=16", "hidden=8", "embedding=8") for part in ("--set", one)
    ]
    results = [CliRunner().invoke(trained_items.main, [*named, *small]) for _ in range(2)]
    assert [result.exit_code for result in results] == [0, 0], results[0].output
    assert "62 items, 1 threads: {'exact_us'" in results[1].output
    assert len([*tmp_path.glob("items-*.safetensors")]) == 1


def test_pasts_fill_the_state():
    past = Log(SHIPPED).pasts(20)
    counts = past["visitor_id"].value_counts()["count"]
    assert len(counts) == 20
    assert counts.median() >= 50


def test_kernels_are_compared_with_torch():
    for works in (kernels.steps("gru", 3), kernels.steps("lstm", 3), kernels.ranking(50, 3)):
        assert min(kernels.compared(*works, 3)) > 0
