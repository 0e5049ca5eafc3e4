"""The processes that a trainer starts, and how they give way to what else the machine does."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path


def start_process(command: list[str], nice: int = 0) -> "subprocess.Popen[bytes]":
    """The process that makes a run; what it says goes where this one's lines go.

    It gives way to others by `nice` more than this one does.
    """
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    os.setpriority(os.PRIO_PROCESS, child.pid, os.getpriority(os.PRIO_PROCESS, 0) + nice)
    if nice and os.getsid(0) == os.getpid():
        _give_way_as_a_session(nice)
    return child


def _give_way_as_a_session(nice: int, autogroup: Path = Path("/proc/self/autogroup")) -> None:
    """Linux may share processors out between sessions first (autogroup, see sched(7)); a process's nice value
    then counts within its session only, where no worker is. Kernels without that have no such file."""
    with suppress(OSError):
        autogroup.write_text(str(nice))
