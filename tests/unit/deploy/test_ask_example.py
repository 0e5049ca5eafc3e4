"""docs/examples/ask.py looks for Kafka where the commands do, and says in a line what is missing."""

import os
import subprocess
import sys

import pytest

from deploy.broker.broker_process import free_port
from streams.config.connection import Connection
from tests.house import ROOT


@pytest.mark.parametrize("variable", ["PATHCAST_BROKER_PORT", "KAFKA_BOOTSTRAP_SERVERS"])
def test_where_no_kafka_answers_it_ends_with_one_line(variable: str) -> None:
    port = free_port()
    others = {name: value for name, value in os.environ.items() if name != "KAFKA_BOOTSTRAP_SERVERS"}
    others["PATHCAST_BROKER_PORT"] = str(port)
    if variable == "KAFKA_BOOTSTRAP_SERVERS":
        others |= {variable: f"127.0.0.1:{port}", "PATHCAST_BROKER_PORT": "1"}
    assert refusal(others, "anna", "view_item:1").startswith(f"no Kafka answers at 127.0.0.1:{port} (")


def test_without_a_click_it_says_how_it_is_called() -> None:
    assert "ask.py VISITOR EVENT:ITEM" in refusal(dict(os.environ), "anna")


def test_where_topics_are_missing_they_are_named(broker: Connection) -> None:
    address = broker.bootstrap_servers
    said = refusal({**os.environ, "KAFKA_BOOTSTRAP_SERVERS": address}, "anna", "view_item:1")
    assert said.startswith(
        f"Kafka at {address} has no topic clicks, purchase-intent, recommendations, ad-dec"
    )
    assert said.endswith("create it with `pathcast topics`")


def refusal(environment: dict[str, str], *arguments: str) -> str:
    """The one line that the script ends with."""
    command = [sys.executable, str(ROOT / "docs/examples/ask.py"), *arguments]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    return line
