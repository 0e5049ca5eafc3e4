"""Runs in processes of their own: how one is started and ended, its priority, and how often it is tried."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

#: Exit status of a run that finds the working folder locked.
BUSY: Final = 75
#: Attempts after which a run that keeps dying is given up.
ATTEMPTS: Final = 3


class ChildProcess(Protocol):
    """A process that makes a run (`subprocess.Popen`)."""

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""

    def terminate(self) -> None:
        """Ask it to end."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""


def start_process(command: list[str], nice: int = 0) -> "subprocess.Popen[bytes]":
    """Start a process that makes a run; its output goes where this process's output goes.

    Its nice value is higher by `nice` than this process's.
    """
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    os.setpriority(os.PRIO_PROCESS, child.pid, os.getpriority(os.PRIO_PROCESS, 0) + nice)
    if nice and os.getsid(0) == os.getpid():
        _give_way_as_a_session(nice)
    return child


def _give_way_as_a_session(nice: int, autogroup: Path = Path("/proc/self/autogroup")) -> None:
    """Give this process's session the same nice value.

    Linux may first share processors between sessions (autogroup, see sched(7)); a nice value then counts only
    within its session, where no worker is. Kernels without autogroups have no such file.
    """
    with suppress(OSError):
        autogroup.write_text(str(nice))


def end(child: ChildProcess | None) -> None:
    """Ask a process to end, if there is one that runs, and wait for it."""
    if child is not None and child.poll() is None:
        child.terminate()
        child.wait(60)


def why_given_up(attempts: int, status: int) -> str:
    """In words, that a run died in its last attempt with this exit status."""
    return f"the run died {attempts} times, the last time with exit status {status}: see its log lines above"
