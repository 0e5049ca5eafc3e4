"""docs/examples/ask.py looks for Kafka where the commands do, and says in a line that none answers."""

import os
import subprocess
import sys

import pytest

from deploy.broker.broker_process import free_port
from tests.house import ROOT


@pytest.mark.parametrize("variable", ["PATHCAST_BROKER_PORT", "KAFKA_BOOTSTRAP_SERVERS"])
def test_where_no_kafka_answers_it_ends_with_one_line(variable: str) -> None:
    port = free_port()
    others = {name: value for name, value in os.environ.items() if name != "KAFKA_BOOTSTRAP_SERVERS"}
    others["PATHCAST_BROKER_PORT"] = str(port)
    if variable == "KAFKA_BOOTSTRAP_SERVERS":
        others |= {variable: f"127.0.0.1:{port}", "PATHCAST_BROKER_PORT": "1"}
    command = [sys.executable, str(ROOT / "docs/examples/ask.py"), "anna", "view_item:1"]
    run = subprocess.run(command, env=others, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert line.startswith(f"no Kafka answers at 127.0.0.1:{port} (")
