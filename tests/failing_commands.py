"""Every command of `pathcast` with arguments that fit, for tests of what it says when it fails."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import click
from click.testing import CliRunner, Result

from deploy.cli import main
from deploy.terminal.out_file import OutFile
from models.durations import DAY_MS

#: What stands for a text; it is also a time.
WORD = "2026-01-01"
#: Seconds after which a command hangs.
MOST_SECONDS = 120
#: The newest clicks are a day later, so that some sessions are over.
LOG = "event_id,ts,visitor_id,event,item_id,price\n" + "".join(
    f"e{number},{1_700_000_000_000 + 1000 * number + number // 40 * DAY_MS},v{number % 7},view_item,"
    f"i{number % 5},2\n"
    for number in range(50)
)


class Place(NamedTuple):
    """Files of a test: a log that can be read, a file and a folder that can be written."""

    log: Path
    out: Path
    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Place:
        """The files in a folder."""
        (folder / "log.csv").write_text(LOG)
        return cls(folder / "log.csv", folder / "out.bin", folder)


class Hangs(BaseException):
    """A command did not end."""


def leaves() -> list[tuple[str, ...]]:
    """The paths of all commands, and of groups that do something by themselves."""
    return [path for path, _ in _leaves(main, ())]


def _leaves(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _leaves(inner, (*path, name))


def found(path: tuple[str, ...]) -> click.Command:
    """The command of a path."""
    return next(command for known, command in _leaves(main, ()) if known == path)


def reads_files(path: tuple[str, ...]) -> bool:
    """Whether the command must be given a file or folder to read."""
    return any(_is_read(parameter) for parameter in found(path).params if parameter.required)


def arguments(path: tuple[str, ...], place: Place) -> list[str]:
    """The path with a value for each required parameter."""
    made = list(path)
    for parameter in found(path).params:
        if parameter.required:
            value = _value(parameter, place)
            made += [value] if isinstance(parameter, click.Argument) else [parameter.opts[0], value]
        elif parameter.name == "yes":
            made.append("--yes")
    return made


def _is_read(parameter: click.Parameter) -> bool:
    kind = parameter.type
    return not isinstance(kind, OutFile) and ("file" in kind.name or "FILE" in kind.name)


def _value(parameter: click.Parameter, place: Place) -> str:
    kind = parameter.type
    if isinstance(kind, OutFile):
        return str(place.out)
    if _is_read(parameter):
        return str(place.log)
    if isinstance(kind, click.Path):
        return str(place.folder)
    if isinstance(kind, click.Choice):
        return str(kind.choices[0])
    return "1" if "integer" in kind.name or "float" in kind.name else WORD


def run(arguments: list[str], seconds: int = MOST_SECONDS) -> Result:
    """What a command says and how it ends; fails where it raises anything but an exit, or hangs."""
    with _bounded(seconds):
        done = CliRunner().invoke(main, arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert "Traceback" not in done.output, done.output
    return done


def refusal(arguments: list[str], seconds: int = MOST_SECONDS) -> str:
    """The one line with which a command fails."""
    done = run(arguments, seconds)
    assert done.exit_code not in (0, None), done.output
    last = done.output.strip().splitlines()[-1]
    assert last.startswith("Error: "), done.output
    assert last.removeprefix("Error: ").strip(), done.output
    return last


@contextmanager
def _bounded(seconds: int) -> Iterator[None]:
    def late(*_: object) -> None:
        raise Hangs(f"no end within {seconds} s")

    kept = {number: signal.getsignal(number) for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        for number, handler in kept.items():
            with suppress(TypeError):
                signal.signal(number, handler)
