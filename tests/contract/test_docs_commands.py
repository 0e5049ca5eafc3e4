"""Commands and options that the documentation names exist, and every command is documented."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from deploy.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: Options of programs other than pathcast that the pages name by themselves.
OTHERS = {
    "--seconds", "--kills", "--zombies", "--takers", "--rate", "--warm", "--visitors", "--runs", "--seed",
    "--part", "--quick", "--write-docs", "--alter", "--add-config", "--nproc-per-node", "--no-python",
    "--minutes", "--help", "--worlds", "--first", "--size", "--masked", "--from-file", "--from-literal",
}  # fmt: skip


def lines(page: Path) -> Iterator[str]:
    """Code of a page: the lines of its blocks (continued ones joined), and what stands in backticks."""
    text = page.read_text().replace("\\\n", " ")
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"^    (pathcast .*)$", outside, re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", outside)


def words(code: str) -> list[str]:
    """The words of a command line; a line that a shell could not read is split at white space."""
    try:
        return shlex.split(code, comments=True)
    except ValueError:
        return code.split()


def calls(page: Path) -> Iterator[list[str]]:
    """What follows `pathcast` in each call of the page."""
    for line in lines(page):
        for call in re.split(r"&&|\|\|| \| (?=grep|head)|;|\$\(", line):
            found = re.match(r"(?:[$]\s+)?(?:torchrun .* )?(?:\.venv/bin/)?pathcast (.+)", call.strip())
            if found:
                yield words(found[1])


def resolved(call: list[str]) -> tuple[click.Command, list[str], list[str]]:
    """The command that a call names, its path, and what follows it."""
    command, path, rest = main, list[str](), list(call)
    context = click.Context(main)
    while isinstance(command, click.Group) and rest:
        found = command.get_command(context, rest[0])
        if found is None:
            break
        command, path, rest = found, [*path, rest[0]], rest[1:]
    return command, path, rest


def options(command: click.Command) -> set[str]:
    """Names of the options that the command's help shows."""
    shown = (one for one in command.params if isinstance(one, click.Option) and not one.hidden)
    return {name for one in shown for name in (*one.opts, *one.secondary_opts)} | {
        "--help",
        "-h",
        "--version",
    }


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that is no group, by its path."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_their_options_exist(page: Path):
    wrong = []
    for call in calls(page):
        command, path, rest = resolved(call)
        if isinstance(command, click.Group) and rest and re.fullmatch(r"[a-z][a-z-]+", rest[0]):
            wrong.append(" ".join(call))
        named = {word.partition("=")[0] for word in rest if re.match(r"--[a-z]", word)}
        wrong += [f"{' '.join(path)} {name}" for name in sorted(named - options(command))]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_that_are_named_alone_exist_somewhere(page: Path):
    known = OTHERS.union(*(options(command) for _, command in leaves(main)))
    named = {word for line in lines(page) for word in re.findall(r"(?<![\w-])--[a-z][a-z-]+\b", line)}
    assert sorted(named - known) == []


def test_every_command_is_documented():
    named = {tuple(resolved(call)[1]) for page in PAGES for call in calls(page)}
    text = "".join(page.read_text() for page in PAGES)
    listed = {
        (group, name.strip())
        for group, names in re.findall(r"`(?:pathcast )?([a-z-]+) ((?:[a-z-]+ \| )+[a-z-]+)`", text)
        for name in names.split("|")
    }
    assert sorted(path for path, _ in leaves(main) if path not in named and path not in listed) == []
