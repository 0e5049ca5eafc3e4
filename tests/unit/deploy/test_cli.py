"""The command line: light help, lazy commands, one line for a known failure."""

import subprocess
import sys
import tempfile

import click
import pytest
from click.testing import CliRunner
from kafka.errors import KafkaTimeoutError

from deploy import cli
from models.errors import PathcastError


def test_help_imports_no_heavy_library():
    code = (
        "import sys; from click.testing import CliRunner; from deploy.cli import main;"
        "print(CliRunner().invoke(main, ['--help']).output);"
        "print(sorted({'torch', 'kafka', 'faust', 'polars', 'aiokafka'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "broker" in done.stdout
    assert done.stdout.strip().endswith("[]")


def test_a_command_without_its_module_is_left_out(monkeypatch):
    monkeypatch.setitem(cli.COMMANDS, "nowhere", ("deploy.commands.nowhere", "Not there."))
    assert "nowhere" not in CliRunner().invoke(cli.main, ["--help"]).output
    assert CliRunner().invoke(cli.main, ["nowhere"]).exit_code == 2


@pytest.mark.parametrize("name", cli.main.list_commands(click.Context(cli.main)))
def test_every_command_has_help(name):
    shown = CliRunner().invoke(cli.main, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    assert cli.main.get_command(click.Context(cli.main), name).help


def fail_with(monkeypatch, error):
    @click.command()
    def command():
        raise error

    monkeypatch.setattr(cli.Lazy, "get_command", lambda self, ctx, name: command)
    return CliRunner().invoke(cli.main, ["any"])


def test_a_known_failure_is_one_line(monkeypatch):
    done = fail_with(monkeypatch, PathcastError("found x, expected y: do z"))
    assert (done.exit_code, done.stderr) == (1, "Error: found x, expected y: do z\n")


def test_a_kafka_that_fails_is_one_line(monkeypatch):
    done = fail_with(monkeypatch, KafkaTimeoutError("gone"))
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: Kafka failed (KafkaTimeoutError: gone): check")
    assert done.stderr.count("\n") == 1


def test_a_bug_is_one_line_that_names_the_file_of_its_trace(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    done = fail_with(monkeypatch, ZeroDivisionError("over nothing"))
    (trace,) = tmp_path.iterdir()
    assert done.exit_code == 1
    assert done.stderr.startswith(
        f"Error: unexpected ZeroDivisionError: over nothing. The trace is in {trace}"
    )
    assert done.stderr.count("\n") == 1
    assert "in command" in trace.read_text()


def test_a_trace_is_printed_where_it_is_asked_for(monkeypatch):
    monkeypatch.setenv("PATHCAST_TRACE", "1")
    done = fail_with(monkeypatch, ZeroDivisionError("over nothing"))
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: unexpected ZeroDivisionError: over nothing")


def test_a_wrong_setting_is_named_by_its_variable(monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "TLS")
    done = CliRunner().invoke(cli.main, ["topics"])
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: KAFKA_SECURITY_PROTOCOL is 'TLS'")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [("settings", "--file"), ("contract", "--directory")])
def test_a_page_that_cannot_be_written_is_one_line(words, tmp_path):
    (tmp_path / "file").write_text("in the way")
    place = tmp_path / "file" / "folder" / "inner"
    done = CliRunner().invoke(cli.main, [*words, str(place)])
    assert done.exit_code == 1
    assert done.stderr == f"Error: {place} cannot be written (Not a directory): name another place\n"


def test_state_says_in_a_line_that_no_broker_answers(monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    done = CliRunner().invoke(cli.main, ["state", "show"])
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: no Kafka answers at 127.0.0.1:1")
