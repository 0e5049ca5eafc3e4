"""The benchmark runs, at sizes that measure nothing: figures of every part come out, none is judged."""

import time
from contextlib import suppress

import msgspec
import pytest
from click.testing import CliRunner

pytest.importorskip("quixstreams", reason="the `bench` extra is not installed: pip install -e '.[bench]'")

from tests.bench import document, kernels, trained_items
from tests.bench.__main__ import OutOfTime, bounded, main
from tests.bench.catalogues import shop
from tests.bench.clicks import SHIPPED, Log
from tests.bench.model import ENCODER, model
from tests.bench.policies import HYBRID, LEARNED, MODEL, RULES
from tests.bench.sizes import QUICK

pytestmark = pytest.mark.slow

FULL = {"pathcast", "neural_share", "stages", "records_per_chunk", "cpu_us", "broker_bytes", "resident_bytes"}
WAITS = {"p50_ms", "p99_ms", "rate"}
PARTS_OF_WAITS = {"clicks", "to_scored_ms", "to_readable_ms"}
KEYS = {
    "counting": {"faust", "quix", "pathcast"},
    "full": FULL | {"items", "faust_per_event", "quix_per_event"},
    "bare": WAITS | PARTS_OF_WAITS,
    "shared": FULL | WAITS | {"workers"},
    "curves": {"items"},
    "recovery": {"visitors", "seconds", "changelog_bytes"},
    "score": {"one_ms", "batch_us", "items"},
    "sealing": {"key at hand", "key read", "key made"},
    "decision_cost": {f"{kind}_us" for kind in ("rules", *LEARNED, RULES, MODEL, HYBRID)},
    "rebalance": {"turns", "gaps_seconds", "longest_gap_seconds", "clicks", "answers"},
    "gateway": {"answers", "predict", "collect"},
    "dashboard": {"worker", "broker", "rate", "gateway_us", "pushes"},
    "start": {"warm_seconds", "cold_seconds", "compiling_seconds"},
}
RATIOS = {
    *("counting_to_faust", "counting_to_quix", "full_to_faust", "shared_to_faust"),
    *("full_to_faust_per_event", "full_to_quix_per_event"),
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The figures of a quick run of all parts, and what it said."""
    path = tmp_path_factory.mktemp("figures") / "bench.json"
    result = CliRunner(env={"COLUMNS": "200"}).invoke(main, ["--quick", "--json", str(path)])
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    return msgspec.json.decode(path.read_bytes()), result.output


@pytest.mark.timeout(900)
def test_every_part_gives_its_figures(ran):
    found, said = ran
    assert {part: set(found[part]) for part in KEYS} == KEYS
    assert set(found["ratios"]) == RATIOS
    assert all(rate > 0 for rate in found["counting"].values())
    assert found["full"]["neural_share"] == found["shared"]["neural_share"] == 1.0
    assert all(cost > 0 for cost in found["full"]["cpu_us"].values())
    assert {"1000", "20000"} < set(found["score"]["batch_us"])
    assert all(cost["us"] > 0 for cost in found["scoring"].values())
    assert all(cost > 0 for cost in found["decision_cost"].values())
    assert all(cost.get("recall", 1) > 0.98 for cost in found["retrieving"].values())
    assert all(cost["plain_us"] > 0 for cost in found["sealing"].values())
    # None where the log for it is missing, which the run says.
    assert found["training"] is None or found["training"]["session_parallel"]["rate"] > 0
    assert [point["items"] for point in found["curves"]["items"]] == [20_000]
    assert "recovery of 500 visitors" in said


def test_latency_is_measured_at_every_rate_and_in_parts(ran):
    by_rate = ran[0]["latency"]["by_rate"]
    assert set(by_rate) == {str(rate) for rate in QUICK.rates}
    for rate, found in by_rate.items():
        assert found["clicks"] == int(rate) * QUICK.latency_seconds
        assert 0 < found["p50_ms"] <= found["p99_ms"]
        assert 0 < found["to_readable_ms"] < found["p99_ms"]
        assert {"decode", "score", "write"} <= set(found["stages_ms"])


def test_memory_is_measured_from_files_and_processes(ran):
    memory = ran[0]["memory"]
    assert memory["visitors"] == QUICK.recovered
    assert memory["changelog_bytes_per_visitor"] > 0.3 * memory["record_bytes"] > 0
    assert memory["disk_bytes_per_visitor"] > 0
    assert memory["resident_bytes"] > 100 << 20


def test_answers_go_on_after_a_kill_and_during_rebalances(ran):
    takeover, rebalance = ran[0]["takeover"], ran[0]["rebalance"]
    assert takeover["session_timeout_seconds"] == QUICK.session_timeout
    assert len(takeover["seconds"]) == QUICK.takeovers
    assert rebalance["turns"] == QUICK.rebalances
    assert rebalance["longest_gap_seconds"] > 0
    assert [found["answers"] for found in (takeover, rebalance)] == [
        found["clicks"] for found in (takeover, rebalance)
    ]


def test_the_document_is_written_from_the_figures(ran, tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n{document.BEGIN}\nfigures of another run\n{document.END}\nafter\n")
    document.write(ran[0], page)
    text = page.read_text()
    assert text.startswith("before")
    assert text.endswith("after\n")
    assert "figures of another run" not in text
    assert "full job to the same job in Faust" in text
    for name in ("latency-over-rate.svg", "throughput-over-items.svg"):
        assert f"(pictures/{name})" in text
        picture = (tmp_path / "pictures" / name).read_text()
        assert picture.startswith("<?xml")
        assert len(picture) < 40_000
    again = page.read_bytes()
    document.write(ran[0], page)
    assert page.read_bytes() == again


def test_a_part_that_takes_too_long_ends_alone(tmp_path):
    path = tmp_path / "bench.json"
    hasty = ["--quick", "--part", "sealing", "--minutes", "0.0005", "--json", str(path)]
    result = CliRunner().invoke(main, hasty)
    assert result.exit_code == 1
    assert "sealing took longer than 0.0005 minutes" in result.output


def test_a_part_that_swallows_the_end_of_its_time_has_failed_all_the_same():
    with (
        pytest.raises(OutOfTime, match="took longer"),
        bounded("stubborn", 0.0005),
        suppress(OutOfTime),
    ):
        time.sleep(5)


def test_a_shop_has_as_many_items_as_asked_for(tmp_path):
    log = Log()
    trained = model(log, QUICK, ENCODER)
    for items in (700, 5_000):
        folder = tmp_path / str(items)
        folder.mkdir()
        made, clicks = shop(log, trained, items, folder)
        assert len(made.version.vocabulary.ids) == items
        known = set(made.version.vocabulary.ids)
        clicked = clicks.frame["item_id"].drop_nulls().to_list()
        assert sum(item in known for item in clicked) > len(clicked) / 5


def test_sessions_laid_out_anew_are_the_logs_own():
    log = Log(SHIPPED, 1_000)
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
