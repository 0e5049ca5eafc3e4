"""Child processes of the trainer, and their priority."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path


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
