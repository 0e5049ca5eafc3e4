"""Forgetting from outside: the command, and waiting for what it does."""

import subprocess
import sys
import time
from pathlib import Path


def pathcast(worker, log, *arguments):
    """Run a command in a worker's surroundings with this event log; what it printed."""
    done = subprocess.run(
        [Path(sys.executable).parent / "pathcast", *arguments],
        env=worker.environment
        | {"PATHCAST_TRAINER_LOG": str(log), "PATHCAST_TRAINER_GROUP": worker.names.items},
        cwd=worker.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def until(holds, complaint, seconds=90.0):
    """Poll until `holds()`."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{complaint} in {seconds} s"
        time.sleep(0.3)
