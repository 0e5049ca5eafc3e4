"""`pathcast demo` as a user runs it, and what it leaves behind: nothing."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy.cluster.clients import admin
from deploy.demo import shipped_log as logs
from deploy.demo.setup import PREFIX, versions_of
from tests.e2e.worker import Worker
from trainer.loop.options import Options
from trainer.training.log_parts import Run
from trainer.training.train import train

pytestmark = pytest.mark.long

SCRIPT = Path(sys.executable).with_name("pathcast")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache with models of little learning, as earlier runs leave them with and without a trainer."""
    folder = tmp_path_factory.mktemp("cache")
    (folder / "demo").mkdir()
    known = logs.prepare(folder / "demo")
    short = folder / "short.parquet"
    logs.pl.read_parquet(known.january).head(4_000).write_parquet(short)
    registry = versions_of(known.first, folder / "demo")
    train(Run([short], registry, options=Options(epochs=1, seconds=5)), 1_700_000_000_000, lambda _: None)
    shutil.copytree(registry, versions_of(known.january, folder / "demo"))
    return folder


def start(broker, cache, *arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PATHCAST_")}
    own = {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers, "PATHCAST_CACHE_DIR": str(cache)}
    demo = subprocess.Popen(
        [SCRIPT, "demo", *arguments],
        env=environment | own | {"COLUMNS": "120", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    Worker.started.append(demo)
    return demo


def left_behind(broker):
    """Topics and groups of demos on that broker, and workers of demos that still talk to it."""
    with admin(broker) as client:
        topics = [topic for topic in client.list_topics() if topic.startswith(PREFIX)]
        groups = [group["group_id"] for group in client.list_groups() if group["group_id"].startswith(PREFIX)]
    return topics, groups, [process.pid for process in psutil.process_iter() if is_demos(process, broker)]


def is_demos(process, broker):
    try:
        known = process.environ()
    except psutil.Error:
        return False
    own = known.get("PATHCAST_APPLICATION_ID", "").startswith(PREFIX)
    return own and known.get("KAFKA_BOOTSTRAP_SERVERS") == broker.bootstrap_servers


def read_until(demo, words):
    """The output up to the line that has these words."""
    said = ""
    while words not in said:
        line = demo.stdout.readline()
        assert line, said
        said += line
    return said


def told(output):
    """The summary's rows by name; of those with several values the last."""
    found = re.findall(r"^([a-z][a-z0-9 -]+?) {2,}(\S.*)$", output, re.MULTILINE)
    return {name: value.strip() for name, value in found}


def number(text):
    return int(text.split()[0].strip(",;").replace(",", ""))


def test_seconds_ends_with_a_summary_and_leaves_nothing(broker, cache):
    demo = start(broker, cache, "--seconds", "12", "--no-trainer")
    output, _ = demo.communicate(timeout=300)
    assert demo.returncode == 0, output
    counts = {
        line.split()[0]: line.split()[1]
        for line in output.splitlines()
        if line.startswith(("purchase-intent", "recommendations", "ad-decisions"))
    }
    assert len(set(counts.values())) == 1, output
    assert int(counts["purchase-intent"].replace(",", "")) > 100
    assert "kept from an earlier run" in output
    assert "dead letters              0" in output
    assert "median" in output
    assert "neural" in output
    assert "trainer" not in output
    assert left_behind(broker) == ([], [], [])


@pytest.mark.timeout(1200)
def test_a_model_is_trained_and_swapped_in_while_clicks_flow(broker, cache):
    # At the usual 100 a second a slow machine beside other tests leaves nothing to a trainer that gives way.
    demo = start(broker, cache, "--rate", "50", "--train-on", "9000")
    said = read_until(demo, "; swapped to ")
    demo.send_signal(signal.SIGINT)
    rest, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, said + rest
    found = told(rest)
    promoted = re.findall(r"([0-9a-f]{12}) promoted: it is (?:better|equal)", rest)
    assert promoted, said + rest
    assert re.match(rf"to {promoted[0]} after \d+ s and [\d,]+ clicks", found["swapped"]), rest
    by_version = re.findall(r"([0-9a-f]{12}) ([\d,]+)", found["answered by version"])
    assert [name for name, _ in by_version][1] == promoted[0]
    assert found["without an answer"] == "0; answered twice 0"
    clicks = number(found["clicks"])
    answered = clicks - number(found["dead letters"])
    assert sum(number(count) for _, count in by_version) == answered
    assert number(found["purchase-intent"]) == number(found["ad-decisions"]) == answered
    assert number(found["clicks in the event log"]) > clicks, "January is in it as well"
    assert left_behind(broker) == ([], [], [])


@pytest.mark.parametrize("ends_with", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything(broker, cache, ends_with):
    demo = start(broker, cache)
    said = read_until(demo, " answers, ")
    demo.send_signal(ends_with)
    rest, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, said + rest
    assert "stopping" in rest
    assert "purchase-intent" in rest
    assert left_behind(broker) == ([], [], [])


@pytest.mark.parametrize("part", ["worker", "trainer"])
def test_a_part_that_dies_is_one_line_with_its_logs_end(broker, cache, part):
    demo = start(broker, cache)
    read_until(demo, " answers, ")
    (child,) = [
        child for child in psutil.Process(demo.pid).children(recursive=True) if child.cmdline()[-1] == part
    ]
    child.kill()
    rest, _ = demo.communicate(timeout=120)
    assert demo.returncode == 1
    assert f"Error: the {part} ended with exit code -9; its log is" in rest
    assert left_behind(broker)[0] == []


def test_an_unreachable_broker_is_one_line(broker, cache):
    nowhere = broker.model_copy(update={"bootstrap_servers": "127.0.0.1:1"})
    demo = start(nowhere, cache, "--seconds", "1")
    output, _ = demo.communicate(timeout=120)
    assert demo.returncode == 1
    assert "no Kafka answers at 127.0.0.1:1" in output
    assert "Traceback" not in output
