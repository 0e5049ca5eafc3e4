"""Renamed options: the old name still works for one version, is not in the help, and warns on stderr."""

import click
import pytest
from click.testing import CliRunner, Result

from deploy.cli import main
from deploy.terminal.renamed_options import RenamedOption, old_parameter, renamed_option

#: command -> old name -> new name
RENAMED = {
    "replay": {"--max": "--unthrottled"},
    "demand": {"--at": "--as-of", "--demand": "--event", "--service": "--service-level"},
    "score-lapsing": {"--at": "--as-of"},
    "log ingest": {"--recreated": "--allow-recreated"},
    "log export": {"--most": "--limit"},
    "models gc": {"--served": "--keep-last", "--days": "--keep-days"},
    "models adapt": {"--rate": "--learning-rate"},
    "models shadow": {"--events": "--clicks"},
    "state copies": {"--lost": "--remove-worker"},
    "visitor forget": {"--seconds": "--timeout"},
    "benchmark cold-items": {"--share": "--holdout-share"},
    "benchmark lapsing": {"--at": "--cutoff"},
    "benchmark prequential": {
        "--before": "--initial-days",
        "--retrain": "--retrain-days",
        "--adapt": "--adapt-hours",
        "--rate": "--learning-rate",
        "--least": "--min-clicks",
        "--visitors": "--visitor-share",
    },
}
CASES = [(words, old, new) for words, names in RENAMED.items() for old, new in names.items()]
#: Values of options that do not take 1, or have it as their default.
VALUES = {
    "--as-of": "2021-02-15",
    "--cutoff": "2021-02-15",
    "--event": "view_item",
    "--remove-worker": "w1",
    "--service-level": "0.5",
    "--visitor-share": "0.5",
    "--retrain-days": "2",
}


def command_of(words: str) -> click.Command:
    found: click.Command = main
    for word in words.split():
        assert isinstance(found, click.Group)
        inner = found.get_command(click.Context(found), word)
        assert inner is not None
        found = inner
    return found


def parsed(command: click.Command, arguments: list[str]) -> tuple[object, str]:
    """What the command would be called with for the arguments, and what is written to stderr."""
    options = [one for one in command.params if isinstance(one, click.Option) and not one.required]
    read = click.Command(
        "read", params=list(options), callback=lambda **given: click.echo(sorted(given.items()))
    )
    done: Result = CliRunner().invoke(read, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


@pytest.mark.parametrize(("words", "old", "new"), CASES)
def test_the_old_name_means_the_new_one_and_warns_once(words: str, old: str, new: str) -> None:
    command = command_of(words)
    option = next(one for one in command.params if isinstance(one, click.Option) and new in one.opts)
    assert isinstance(option, RenamedOption)
    option_value = [] if option.is_flag else [VALUES.get(new, "1")]
    if option.required:
        option.required = False  # so that it is read alone
    by_new, quiet = parsed(command, [new, *option_value])
    by_old, warned = parsed(command, [old, *option_value])
    assert by_old == by_new != parsed(command, [])[0]
    assert quiet == ""
    assert warned == f"Warning: {old} is deprecated; use {new}\n"


@pytest.mark.parametrize(("words", "old", "new"), CASES)
def test_help_has_the_new_name_only(words: str, old: str, new: str) -> None:
    shown = CliRunner().invoke(main, [*words.split(), "--help"]).output.split()
    assert new in shown
    assert old not in shown


def test_every_renamed_option_is_listed_here() -> None:
    found = {
        (words, option.old, option.opts[0])
        for words in commands(main)
        for option in command_of(words).params
        if isinstance(option, RenamedOption)
    }
    assert found == set(CASES)


def commands(group: click.Group, before: str = "") -> list[str]:
    names = {
        f"{before}{name}": group.get_command(click.Context(group), name)
        for name in group.list_commands(click.Context(group))
    }
    inner = [
        path
        for name, one in names.items()
        if isinstance(one, click.Group)
        for path in commands(one, f"{name} ")
    ]
    return [*(name for name, one in names.items() if one and not isinstance(one, click.Group)), *inner]


@click.command()
@renamed_option("--limit", old="--most", type=click.IntRange(1), default=7)
def limited(limit: int) -> None:
    click.echo(limit)


def test_both_names_at_once_are_refused() -> None:
    done = CliRunner().invoke(limited, ["--most", "1", "--limit", "2"])
    assert done.exit_code == 2
    assert "--most is the old name of --limit: give --limit only" in done.stderr


def test_a_wrong_value_is_reported_with_the_new_name() -> None:
    done = CliRunner().invoke(limited, ["--most", "0"])
    assert done.exit_code == 2
    assert "Invalid value for '--limit': 0 is not in the range" in done.stderr


def test_the_default_holds_without_either() -> None:
    assert CliRunner().invoke(limited, []).output == "7\n"
    assert old_parameter("--a-b") == "old_a_b"
