"""docs/other-domains.md is run: its blocks as one script, with a broker and a worker."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.broker.broker_process import free_port
from deploy.cli import main
from deploy.terminal.event_map_option import read
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from tests.e2e.worker import decoded

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "other-domains.md").read_text()
MAP = read(ROOT / "docs" / "examples" / "courses.toml").mapping
COUNT = 543


def script(web: int) -> str:
    """All blocks, with the quickest training, a port of this machine's, and patience for the worker."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    metrics = f"curl -sf http://127.0.0.1:{web}/metrics | grep '^pathcast_events_total {COUNT}'"
    ready = f"until curl -sf http://127.0.0.1:{web}/readyz > ready; do kill -0 $!; sleep 0.2; done"
    return (
        ("set -eu\n" + "".join(blocks))
        .replace("--epochs 5", "--epochs 1 --no-baselines --no-announce --time-budget 0.05")
        .replace("docs/examples/", f"{ROOT}/docs/examples/")
        .replace("> worker.log &", f"> worker.log 2>&1 &\n{ready}")
    ) + f"for _ in $(seq 300); do if {metrics}; then exit 0; fi; sleep 0.2; done; exit 9\n"


@pytest.mark.long
def test_its_commands_run(broker: Connection, topics: TopicNames, tmp_path: Path) -> None:
    web = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PATHCAST_")},
        **{f"PATHCAST_TOPIC_{role.upper()}": name for role, name in topics.model_dump().items()},
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "PATHCAST_APPLICATION_ID": topics.clicks,
        "PATHCAST_DATADIR": str(tmp_path / "state"),
        "PATHCAST_WEB_PORT": str(web),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        ["bash", "-c", "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n" + script(web)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    log = tmp_path / "worker.log"
    assert done.returncode == 0, done.stderr[-3000:] + (log.read_text()[-2000:] if log.exists() else "")
    judged = json.loads((tmp_path / "courses.json").read_text())
    assert judged["rejected"] == {}
    assert 0 < judged["intent"]["positives"] < judged["intent"]["n"] < COUNT
    told = decoded(broker, topics.ad_decisions)
    assert {one["context"]["event"] for one in told} == set(MAP.values())
    assert {one["event"] for one in decoded(broker, topics.clicks)} == set(MAP)


def test_the_table_of_the_page_is_the_file() -> None:
    assert dict(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", TEXT, re.MULTILINE)) == MAP


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("enroll=buy", "no event of the contract; choose from page_view, search"),
        ("nowhere.toml", "event map nowhere.toml cannot be read"),
    ],
)
def test_a_wrong_map_is_one_line(given: str, complaint: str) -> None:
    named = ["--events", str(ROOT / "docs/examples/courses.csv"), "--registry", "r", "--event-map", given]
    done = CliRunner().invoke(main, ["train", *named])
    assert done.exit_code == 1
    assert complaint in done.output
    assert len(done.output.splitlines()) == 1
