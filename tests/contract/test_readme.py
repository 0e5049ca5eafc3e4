"""The README is run: its blocks, top to bottom, as one script, against a broker and a worker of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.broker.broker_process import free_port

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
#: Pictures and output are looked at; everything else is run.
SHOWN = {"text", "console"}


def script() -> str:
    """All runnable blocks but those of make, in order; Python ones as here-documents."""
    parts = ["set -eu"]
    for kind, body in BLOCKS:
        if kind == "python":
            parts.append(f"{sys.executable} - <<'PYTHON'\n{body}PYTHON")
        elif kind == "sh" and not body.startswith("make "):
            parts.append(body)
    return "\n".join(parts)


def adapted(port: int, web: int) -> str:
    """The same script with this machine's free ports, the quickest training, and patience for the worker."""
    return (
        script()
        .replace("127.0.0.1:9092", f"127.0.0.1:{port}")
        .replace("127.0.0.1:6066", f"127.0.0.1:{web}")
        .replace("> worker.log &", "> worker.log 2>&1 &")
        .replace("do sleep 1; done", "do kill -0 $!; sleep 0.2; done")
        .replace("--announce", "--announce --epochs 1 --time-budget 0.05 --no-baselines")
        .replace("python docs/", f"KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:{port} python docs/")
        .replace("deploy/data/", f"{ROOT}/deploy/data/")
        .replace("docs/examples/", f"{ROOT}/docs/examples/")
        .replace("kill $!", "kill $!; wait $! || test $? -eq 143")
    )


@pytest.mark.long
@pytest.mark.skipif(
    bool(os.environ.get("KAFKA_BOOTSTRAP_SERVERS")), reason="would write to that cluster's topics"
)
def test_everything_runnable_runs(tmp_path: Path) -> None:
    port = free_port()
    web = free_port(port)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PATHCAST_", "KAFKA_"))
    } | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PATHCAST_BROKER_DIR": str(tmp_path / "broker"),
        "PATHCAST_BROKER_PORT": str(port),
        "PATHCAST_DATADIR": str(tmp_path / "state"),
        "PATHCAST_WEB_PORT": str(web),
    }
    # The worker is a job of the shell: the trap sees to it that it does not outlive the test.
    try:
        done = subprocess.run(
            ["bash", "-c", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + adapted(port, web)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
    finally:
        subprocess.run(
            [Path(sys.executable).parent / "pathcast", "broker", "stop"],
            env=environment,
            check=False,
            capture_output=True,
        )
    log = tmp_path / "worker.log"
    assert done.returncode == 0, done.stderr[-3000:] + (log.read_text()[-2000:] if log.exists() else "")
    _shows_what_it_says(done.stdout)


def _shows_what_it_says(output: str) -> None:
    assert output.count(", answered by neural:\n") == 7
    assert len(re.findall(r"likely next: (?:\d+, ){3}\d+; to be shown: \w+", output)) == 3
    assert len(re.findall(r"likely next: (?:tea-\d+, ){3}tea-\d+; to be shown: \w+", output)) == 4
    assert "event ids are new" in output
    assert "2,000 events sent to clicks" in output
    assert "skewed" not in output
    assert 'pathcast_answers_total{rung="' in output
    assert '"state"' in output
    assert re.search(r"(\d+) of \1 decisions verified, 0 differ", output)


def test_words_of_its_own_are_explained_where_they_come_first() -> None:
    """A newcomer reads from above: a word that only this project uses says what it is at once."""
    for word, explained in {
        "rung": "fallback tier",
        "gate": "decides whether a new version may serve",
        "lapsing": "stay away",
    }.items():
        first = next(line for line in TEXT.splitlines() if re.search(rf"\b{word}\b", line))
        assert explained in first, first


def test_what_a_reader_types_is_there() -> None:
    named = re.findall(r"(docs/examples/[\w.]+)", TEXT)
    assert len(named) > 3
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_make_targets_exist() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)", TEXT))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


def test_code_comes_early() -> None:
    lines = TEXT.splitlines()
    assert next(number for number, line in enumerate(lines, start=1) if line.startswith("```")) <= 25
    assert lines.index("## First steps") < 60


def test_every_block_is_run_or_only_shown() -> None:
    assert {kind for kind, _ in BLOCKS} <= {"sh", "python", *SHOWN}
    assert TEXT.count("```") == 2 * len(BLOCKS)


@pytest.mark.parametrize(
    "page", ["README.md", "CHANGELOG.md", *(p.name for p in (ROOT / "docs").glob("*.md"))]
)
def test_links_lead_somewhere(page: str) -> None:
    path = next(found for found in (ROOT / page, ROOT / "docs" / page) if found.exists())
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_rooms_are_those_of_the_repository() -> None:
    tree = next(body for kind, body in BLOCKS if kind == "text" and body.startswith("models/"))
    named = re.findall(r"^(\w+)/", tree, re.MULTILINE)
    assert [name for name in named if not (ROOT / name).is_dir()] == []
    assert {"models", "streams", "trainer", "gateway", "deploy", "docs", "tests"} == set(named)
