"""Promotions, rollbacks and refused versions while clicks flow: every click has its answers, exactly once.

The longer run (`-m slow`) is 100 swaps at 2,000 clicks/s, or PATHCAST_TEST_RATE. What it prints of latencies
depends on the machine; no test hangs on it.
"""

import json
import shutil
import time
from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner

from deploy.cli import main
from deploy.cluster.model_reports import reports
from deploy.cluster.topic_creation import ensure
from deploy.runs.promotion_moves import promotions
from deploy.runs.shadow_trial import trial
from models.contract.updates import SHADOW, ModelUpdate
from tests.brokers import topic_names
from tests.e2e.load import (
    FULL_RATE,
    Load,
    answered_once,
    came,
    dealt_with,
    latencies,
    megabytes,
    said,
    taken_up,
    told,
    within,
)
from tests.e2e.moves import moves
from tests.e2e.test_trainer import Running
from tests.e2e.worker import Worker, click, encoded, send
from tests.tiny import announcement
from tests.tiny import version as tiny
from trainer.gate.admission import conclude
from trainer.gate.gate import GateReport
from trainer.gate.gate_settings import GateSettings
from trainer.gate.verdict import Verdict

pytestmark = pytest.mark.long


@pytest.fixture
def shop(broker, tmp_path):
    """Two workers that share partitions and a registry, and the versions in it."""
    names = topic_names()
    ensure(broker, names, partitions=4)
    registry = tmp_path / "registry"
    versions = [tiny(registry, seed, items=2_000, width=32).id for seed in (1, 2, 3)]
    workers = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        # RocksDB's memory is soon full, swaps or not: what grows then is something else.
        settings = {"application_id": names.clicks, "registry": registry, "block_cache_mb": 32}
        workers.append(Worker(broker, names, tmp_path / name, **settings).start())
    for worker in workers:
        worker.wait_ready()
    yield names, registry, versions, workers
    for worker in workers:
        worker.kill()


def turns(made, versions):
    """Moves, one after the other, and the version that each lets serve: forward twice, back twice."""
    first, second, third = versions
    while True:
        for name in (second, third):
            made.promote(name, "its turn", force=True)
            yield name
        for name in (second, first):
            assert made.rollback("its turn is over") == name
            yield name


def swaps(broker, shop, folder, count, rate, pause, calm):
    """`count` moves under load after `calm` clicks, a damaged version among them; then every click is
    accounted for. Memory (MB) of the trainer, who writes the event log meanwhile, and the workers, by move.
    """
    names, registry, versions, workers = shop
    made = moves(broker, names, registry)
    shutil.copytree(registry / versions[0], registry / "damaged")
    weights = registry / "damaged" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    made.promote(versions[0], "the first one")
    taken_up(workers, versions[0])
    load = Load(broker, names.clicks, rate)
    trainer = Running(broker, names, folder / "trainer", every_clicks=10**9, commit_rows=50_000)
    moments, memory = [], []
    with trainer.trainer() as process:
        load.start()
        trainer.wait(process, lambda: trainer.position() > 0)
        load.wait(calm)
        moved = turns(made, versions)
        for number in range(count):
            if number == count // 2:
                told(broker, names.model_updates, announcement(registry, "damaged"))
            version = next(moved)
            moments.append(made.ledger.entries()[-1].at)
            taken_up(workers, version)
            memory.append(megabytes(process.pid, *(worker.process.pid for worker in workers)))
            time.sleep(pause)
        load.stop()
        dealt_with(workers, load.sent)
    intents = answered_once(broker, names, load.sent)
    assert {one.model_version for one in intents} == set(versions)
    for worker in workers:
        assert worker.metrics()['pathcast_models_refused_total{reason="truncated"}'] == 1
        assert worker.total("pathcast_duplicates_total", "pathcast_dead_letters_total") == 0
        assert worker.total("pathcast_model_swaps_total") == count + 1
    waits = latencies(came(broker, names.clicks), intents)
    print(f"{count} swaps, answers by rung {dict(Counter(one.rung for one in intents))}")
    said("before the first swap", within(waits, 0, moments[0] - 500))
    near = [within(waits, moment, moment + 1000) for moment in moments]
    said("in the second after a swap", np.concatenate(near))
    shown = [memory[number * (count - 1) // 4] for number in range(5)]
    print(f"memory MB of trainer and workers, first to last swap: {shown}")
    return np.array(memory)


def test_swaps_under_load_leave_no_click_unanswered_and_answer_none_twice(broker, shop, tmp_path):
    names, versions = shop[0], shop[2]
    swaps(broker, shop, tmp_path, count=8, rate=300, pause=0.5, calm=500)
    found = reports(broker, names.model_reports)
    used = {one.worker: one.version for one in found if one.kind == "in_use"}
    assert len(used) == 2
    assert set(used.values()) == {versions[0]}
    assert {one.refusal for one in found if one.kind == "refused"} == {"truncated"}


def test_a_challenger_is_compared_on_live_clicks_and_answers_none(broker, shop):
    names, registry, versions, workers = shop
    told(broker, names.model_updates, announcement(registry, versions[0]))
    update = json.loads(announcement(registry, versions[1])) | {"events": 100}
    assert ModelUpdate(**update).events == 100
    told(broker, names.model_updates, json.dumps(update).encode(), SHADOW.encode())
    taken_up(workers, versions[0])
    load = Load(broker, names.clicks, 200)
    load.start()
    for worker in workers:
        worker.wait(lambda w=worker: w.total("pathcast_shadow_scored_total") >= 100, "not compared")
    load.stop()
    dealt_with(workers, load.sent)
    intents = answered_once(broker, names, load.sent)
    assert {one.model_version for one in intents} == {versions[0]}

    def compared():
        found = [one.shadow for one in reports(broker, names.model_reports) if one.kind == "shadow"]
        return [one for one in found if one.scored >= 100]

    workers[0].wait(lambda: len(compared()) == 2, "no reports")
    for one in compared():
        assert (one.challenger.version, one.incumbent.version) == (versions[1], versions[0])
        assert -1 <= one.correlation <= 1
        assert 0 < one.challenger.ms_p50 <= one.challenger.ms_p99


def test_a_candidate_is_promoted_once_workers_have_compared_it(broker, shop, monkeypatch):
    names, registry, versions, workers = shop
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    for role in ("model_updates", "model_reports"):
        monkeypatch.setenv(f"PATHCAST_TOPIC_{role.upper()}", getattr(names, role))
    moves = promotions(registry, by="gate")
    moves.promote(versions[0], "first")
    taken_up(workers, versions[0])
    # Nothing that depends on the machine's mood may decide.
    loose = GateSettings(shadow_events=150, shadow_outcomes=0, shadow_latency=1000, shadow_calibration=1)
    load = Load(broker, names.clicks, 200)
    load.start()
    offline = {"candidate": versions[1], "incumbent": versions[0], "verdict": "passed", "reason": "better"}
    report = GateReport(Verdict(True, "better"), offline | {"slice": {}})
    report = conclude(versions[1], report, moves, trial(loose, print))
    load.stop()
    assert report.verdict.passed, report.verdict.reason
    taken_up(workers, versions[1])
    assert report.figures["shadow"]["scored"] >= 150
    assert 1 <= report.figures["shadow"]["workers"] <= 2
    for worker in workers:
        worker.wait(lambda w=worker: json.loads(w.get("/models")[1])["shadow"] is None, "it goes on")


def test_a_worker_elsewhere_fetches_what_was_published(broker, tmp_path, monkeypatch):
    """Its registry is empty, and the trainer's folder is gone: only the URL is left."""
    names, made, url = topic_names(), tmp_path / "made", f"file://{tmp_path / 'published'}"
    ensure(broker, names, partitions=2)
    versions = [tiny(made, seed).id for seed in (1, 2)]
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    monkeypatch.setenv("PATHCAST_TOPIC_MODEL_UPDATES", names.model_updates)
    monkeypatch.setenv("PATHCAST_REGISTRY", str(made))
    monkeypatch.setenv("PATHCAST_REGISTRY_PUBLISH", url)

    def promote(version):
        done = CliRunner().invoke(main, ["models", "promote", version])
        assert done.exit_code == 0, done.output

    promote(versions[0])
    shutil.copytree(made, tmp_path / "kept")
    shutil.rmtree(made)
    (tmp_path / "worker").mkdir()
    with Worker(broker, names, tmp_path / "worker") as worker:
        taken_up([worker], versions[0])
        shutil.move(tmp_path / "kept", made)
        promote(versions[1])
        taken_up([worker], versions[1])
        cached = {path.name for path in (tmp_path / "worker" / "data" / "models").iterdir()}
        assert cached == set(versions)
        assert not (tmp_path / "worker" / "registry").exists()
        with worker.dealing_with(20):
            send(broker, names.clicks, encoded(click(n, f"v{n % 5}") for n in range(20)))
        intents = answered_once(broker, names, 20)
    assert {one.model_version for one in intents} == {versions[1]}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_hundred_swaps_at_full_load(broker, shop, tmp_path):
    memory = swaps(broker, shop, tmp_path, count=100, rate=FULL_RATE, pause=0.5, calm=40_000)
    # What a version takes is not kept: 50 more would be seen at less than a megabyte each.
    assert (memory[75:].max(0) < memory[25:50].max(0) + 40).all()
