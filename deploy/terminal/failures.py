"""Errors of commands as one line; the trace of an unexpected one goes to a file, or with PATHCAST_TRACE=1 to
the terminal."""

import errno
import logging
import os
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from deploy.terminal import failure_kinds
from models.errors import PathcastError

#: The variable that shows the traces of all errors.
TRACE = "PATHCAST_TRACE"
_LONGEST = 2_000
_LOUD = ("kafka", "aiokafka", "asyncio")


def quieten() -> None:
    """Kafka's clients and asyncio log what their callers are told as well, some of it with traces.

    Only lines that nothing else handles are left out: those of workers and trainers appear in their logs.
    """
    if not _traced():
        for name in _LOUD:
            logging.getLogger(name).addHandler(logging.NullHandler())


@contextmanager
def explained() -> Iterator[None]:
    """Any error inside becomes click's, which prints one line and exits with 1.

    Click's own errors pass, and so does the end of a pipe, which is no failure of the command.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            raise
        if _traced():
            traceback.print_exc()
        raise click.ClickException(line(error)) from error


@contextmanager
def telling(progress: Callable[[], str]) -> Iterator[None]:
    """An error inside also says how far the command got, and how it is repeated."""
    try:
        yield
    except Exception as error:
        error.add_note(progress())
        raise


def line(error: Exception) -> str:
    """The error in one line: what was found, what was expected, what to do, and how far the command got."""
    if isinstance(error, PathcastError):
        known: str | None = str(error)
    else:
        known = failure_kinds.sentence(error)
    said = known if known is not None else _unknown(error)
    return one_line(". ".join([said.removesuffix("."), *filter(None, getattr(error, "__notes__", ()))]))


def one_line(text: str) -> str:
    """The text without line breaks, and at most some thousand characters of it."""
    lines = [" ".join(part.split()) for part in text.splitlines() if part.strip()]
    said = " | ".join(lines)
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."


def _unknown(error: Exception) -> str:
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"unexpected {said}. {_where(error)}"


def _where(error: Exception) -> str:
    """Where the trace is, or how to see it."""
    if _traced():
        return "The trace is above: report it, with the command"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="pathcast-trace-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.writelines(traceback.format_exception(error))
    except OSError:
        return f"Repeat the command with {TRACE}=1 to see where, and report it"
    return f"The trace is in {file.name} ({TRACE}=1 prints it): report it, with the command"


def _traced() -> bool:
    return os.environ.get(TRACE, "") not in ("", "0")
