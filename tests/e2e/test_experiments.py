"""An experiment starts and stops while clicks flow: each decision names its arm, and all of them verify."""

import json
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import deploy
from models.contract.decision_context import HOLD_OUT
from models.experiments.assignment import Assignment
from models.experiments.experiment import decode_experiment
from tests.e2e.worker import START, click, decoded, encoded, read, send

GUIDANCE = Path(deploy.__file__).parents[1] / "docs/examples/guidance.toml"
SHIPPED = Path(deploy.__file__).parent / "data/actions.toml"
VISITORS, A_SECOND = 120, 100


def pathcast(worker, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "pathcast", *arguments],
        env=worker.environment | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    """Three ways of guidance at the shipped file's placement, and a hold-out."""
    placement = next(line for line in SHIPPED.read_text().splitlines() if line.startswith("placement"))
    guidance = GUIDANCE.read_text().replace('placement = "guidance"', placement)
    (tmp_path / "guidance.toml").write_text(guidance)
    arms = [
        f'[[arms]]\nname = "{kind}"\nweight = 0.2\nactions = "guidance.toml"\npolicy = "guidance-{kind}"\n'
        for kind in ("rules", "model", "hybrid")
    ]
    own = '[[arms]]\nname = "shipped"\nweight = 0.2\n'
    file = tmp_path / "trial.toml"
    file.write_text(f'name = "ways"\n{placement}\nhold_out = 0.2\n{own}{"".join(arms)}')
    return file


class Traffic:
    """Clicks of VISITORS in turn, A_SECOND of them, until it is left; `sent` counts them."""

    def __init__(self, broker, topic: str) -> None:
        self.sent = 0
        self._broker, self._topic, self._over = broker, topic, threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            events = [self._click(self.sent + number) for number in range(A_SECOND)]
            send(self._broker, self._topic, encoded(events))
            self.sent += len(events)
            time.sleep(1)

    def _click(self, number: int) -> dict:
        event = ("view_item", "view_item", "add_to_cart", "view_item", "purchase")[number // VISITORS % 5]
        return click(number, f"v{number % VISITORS}", START + 50 * number, event=event, price=70.0)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()


def arms_of(decisions: list[dict]) -> list[str | None]:
    return [one["context"].get("arm") for one in decisions]


def test_an_experiment_starts_and_stops_while_clicks_flow(broker, running, definition, tmp_path):
    names, traffic = running.names, Traffic(broker, running.names.clicks)

    def answered(more: int) -> None:
        """Wait until so many more clicks are answered."""
        goal = running.total("pathcast_events_total") + more
        running.wait(lambda: running.total("pathcast_events_total") >= goal, f"fewer than {more} clicks")

    with traffic.flowing():
        answered(200)
        started = pathcast(running, "experiment", "start", definition)
        assert started.returncode == 0, started.stderr
        assert "ways started at placement" in started.stdout
        running.wait(lambda: "experiment followed" in running.said(), "the experiment is not followed")
        answered(1200)
        again = pathcast(running, "experiment", "start", definition)
        other = definition.with_name("other.toml")
        other.write_text(definition.read_text().replace('name = "ways"', 'name = "other"'))
        overlapping = pathcast(running, "experiment", "start", other)
        stopped = pathcast(running, "experiment", "stop", "ways")
        assert stopped.returncode == 0, stopped.stderr
        running.wait(lambda: "experiment stopped" in running.said(), "the experiment goes on")
        answered(200)
    running.wait(lambda: running.total("pathcast_events_total") >= traffic.sent, "clicks left")

    assert "there is one of this name already" in again.stderr
    assert "ways runs at placement" in overlapping.stderr
    assert "Traceback" not in again.stderr + overlapping.stderr

    made = decoded(broker, names.ad_decisions)
    assert len(made) == traffic.sent
    trial = decode_experiment(read(broker, names.experiments)[-1].value)
    assert not trial.running
    assignment, by_arm = Assignment(trial), defaultdict(list)
    for one in made:
        arm = one["context"].get("arm")
        if arm is not None:
            assert (one["context"]["experiment"], arm) == ("ways", assignment.arm(one["visitor_id"]))
            by_arm[arm].append(one)
    assert set(by_arm) == set(trial.names)
    assert arms_of(made).count(None) > 200
    assert {one["action"] for one in by_arm[HOLD_OUT]} == {"nothing"}
    assert {one["policy"] for one in by_arm["hybrid"]} == {"guidance-hybrid"}
    assert "compare_nudge" in {one["action"] for one in by_arm["rules"]}

    verified = pathcast(running, "decisions", "verify")
    assert verified.stdout.endswith(f"{len(made)} of {len(made)} decisions verified, 0 differ\n"), verified

    out, drawn = tmp_path / "out.json", tmp_path / "out.svg"
    window = ["--window-hours", "0.001", "--metric", "value"]
    status = pathcast(running, "experiment", "status", "ways", *window, "--json", out, "--picture", drawn)
    assert status.returncode == 0, status.stderr
    figures = json.loads(out.read_text())
    assert sum(arm["assigned"] for arm in figures["arms"]) == VISITORS
    assert figures["moved"] == 0
    assert not figures["alarm"]
    assert drawn.read_bytes().startswith(b"<?xml")
    assert "stopped" in pathcast(running, "experiment", "status").stdout


def test_what_cannot_be_started_or_stopped_is_said_in_words(running, definition):
    def said(*arguments: str | Path) -> str:
        done = pathcast(running, "experiment", *arguments)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    text = definition.read_text()
    for old, new, expected in (
        ('policy = "guidance-model"', 'policy = "magic"', "found 'magic'; expected one of"),
        ("hold_out = 0.2", "hold_out = 0.3", "expected a sum of 1"),
        ('actions = "guidance.toml"', 'actions = "gone.toml"', "gone.toml cannot be read"),
    ):
        wrong = definition.with_name("wrong.toml")
        wrong.write_text(text.replace(old, new))
        assert expected in said("start", wrong)
    assert "no experiment 'nobody'" in said("stop", "nobody")
    assert "no experiment 'nobody'" in said("status", "nobody")
