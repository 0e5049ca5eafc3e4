"""Help and wrong arguments: whole sentences, settings by name, and nothing heavy is imported for them."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from deploy.cli import main
from deploy.terminal.help_pages import sentence

HEAVY = ["torch", "polars", "lightgbm", "sklearn", "kafka", "aiokafka", "faust", "optuna"]
#: Arguments that are wrong, and what is said of them; LOG stands for a file that is there.
WRONG = {
    "train --events /nope.csv --registry r": "'/nope.csv' does not exist",
    "train --events LOG --items /nope.csv --registry r": "'/nope.csv' does not exist",
    "train --events LOG --registry r --config /nope.toml": "'/nope.toml' does not exist",
    "train --events LOG --registry r --from nobody": "is no version of r",
    "train --events LOG --registry r --set epocs=3": "is no training setting",
    "train --events LOG --registry r --map ts": "is no FIELD=COLUMN",
    "evaluate --model nobody --registry r --events LOG --json out": "is no version of r",
    "evaluate --model nobody --registry r --events /nope.csv --json out": "does not exist",
    "drift --model nobody --registry r --events LOG": "is no version of r",
    "tune --events /nope.csv": "does not exist",
    "audit --events /nope.csv": "does not exist",
    "demand --events /nope.csv --json out": "does not exist",
    "demand --events LOG --json /nope/out": "cannot be written",
    "benchmark cold-items --events LOG --items /nope.csv": "does not exist",
    "benchmark damage --model /nope --events LOG": "does not exist",
    "benchmark intent --events /nope.csv": "does not exist",
    "benchmark lapsing --events /nope.csv --cutoff 2020-01-01": "does not exist",
    "benchmark next-item --train /nope.txt --test LOG": "does not exist",
    "benchmark prequential --events /nope.csv": "does not exist",
    "benchmark transfer --model nobody --registry r --events LOG": "is no version of r",
    "benchmark transfer --model nobody --registry r --events LOG --sessions few": "are no numbers",
    "items embed --items /nope.csv --out out": "does not exist",
    "replay /nope.csv": "does not exist",
    "replay LOG --rate 5 --unthrottled": "exclude each other",
    "models show nobody --registry r": "is no version of r",
    "models gate nobody --registry r --events LOG": "is no version of r",
    "models shadow nobody --registry r": "is no version of r",
    "models adapt --registry r --events /nope.csv": "does not exist",
    "decisions verify /nope.jsonl": "does not exist",
    "decisions verify --actions /nope.toml": "does not exist",
    "dead-letters replay": "choose dead letters",
    "log export /nope/clicks.parquet": "cannot be written",
}
_CODE = """
import json, sys
from click.testing import CliRunner
from deploy.cli import main
done = []
for words in json.loads(sys.argv[1]):
    found = CliRunner().invoke(main, words)
    done.append([found.exit_code, found.output, sorted(set(json.loads(sys.argv[2])) & set(sys.modules))])
print(json.dumps(done))
"""


def paths(command: click.Command, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The words of every command and subcommand."""
    if not isinstance(command, click.Group):
        return [words]
    context = click.Context(command)
    inner = {name: command.get_command(context, name) for name in command.list_commands(context)}
    return [words, *(path for name, one in inner.items() if one for path in paths(one, (*words, name)))]


def run(calls: list[list[str]], folder: Path) -> list[tuple[int, str, list[str]]]:
    """Exit code, output and the heavy modules that are there by then, of each call in one process."""
    arguments = [sys.executable, "-c", _CODE, json.dumps(calls), json.dumps(HEAVY)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=folder)
    return [tuple(one) for one in json.loads(done.stdout)]


def test_that_nobody_can_be_told_of_a_model_is_said_before_it_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "clicks.csv"
    log.write_text("event_id,visitor_id,ts,event\ne1,v1,1770000000000,page_view\n")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    done = CliRunner().invoke(main, ["train", "--events", str(log), "--registry", str(tmp_path / "r")])
    assert done.exit_code == 1
    # One click is too few to learn from: had training begun, that would have been said.
    assert "no Kafka answers at 127.0.0.1:1" in done.output


def test_help_of_no_command_imports_anything_heavy(tmp_path: Path) -> None:
    calls = [[*words, "--help"] for words in paths(main)]
    assert len(calls) > 50
    for words, (code, said, heavy) in zip(calls, run(calls, tmp_path), strict=True):
        assert (code, heavy) == (0, []), f"{words}: {said}"


def test_what_is_wrong_with_arguments_is_said_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    log = tmp_path / "clicks.csv"
    log.write_text("event_id,visitor_id,ts,event\n")
    (tmp_path / "r").mkdir()
    calls = [line.replace("LOG", str(log)).split() for line in WRONG]
    for expected, words, (code, said, heavy) in zip(WRONG.values(), calls, run(calls, tmp_path), strict=True):
        assert code in (1, 2), f"{words}: {said}"
        assert expected in " ".join(said.split()), f"{words}: {said}"
        assert heavy == [], f"{words}: {heavy}"


@pytest.mark.parametrize("words", [path for path in paths(main)], ids=" ".join)
def test_every_summary_is_a_whole_sentence_at_80_columns(words: tuple[str, ...]) -> None:
    command: click.Command = main
    for name in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name) or command
    if not isinstance(command, click.Group):
        assert sentence(command.help or "").endswith(".")
        return
    shown = CliRunner().invoke(main, [*words, "--help"], env={"COLUMNS": "80"}, terminal_width=80).output
    assert "..." not in shown.split("Commands:")[1]
    for name in command.list_commands(click.Context(command)):
        inner = command.get_command(click.Context(command), name)
        assert inner is not None
        if words:
            assert sentence(inner.help or "") in " ".join(shown.split())


def test_the_worker_names_its_settings_with_their_defaults() -> None:
    shown = " ".join(CliRunner().invoke(main, ["worker", "--help"]).output.split())
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "PATHCAST_DATADIR", "PATHCAST_REGISTRY", "PATHCAST_WEB_PORT"):
        assert name in shown
    assert "[6066]" in shown
    assert "docs/settings.md" in shown


def test_a_replay_says_that_event_ids_change_when_it_moves_times() -> None:
    assert "Event ids change" in " ".join(CliRunner().invoke(main, ["replay", "--help"]).output.split())


@pytest.mark.parametrize(("words", "said"), [
    (["models"], "The gate is what a new version has to pass"),
    (["models", "gate"], "This is the gate: what a version has to pass"),
    (["trainer"], "The gate judges: it compares"),
    (["score-lapsing"], "A visitor is lapsing who used to come"),
    (["worker"], "lower fallback tiers (`rung` in the answers)"),
])  # fmt: skip
def test_words_of_this_project_are_explained_where_they_are_used(words: list[str], said: str) -> None:
    assert said in " ".join(CliRunner().invoke(main, [*words, "--help"]).output.split())
