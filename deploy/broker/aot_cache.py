"""Java's ahead-of-time cache for the bundled broker: loaded classes, and profiles of methods.

A broker with the cache starts in half the time, and its optimising compiler knows at once what is worth
compiling. `aot_trial.py` makes it once per machine, beside the first broker.
"""

import subprocess
import sys
import time
from pathlib import Path

from deploy.broker.distribution import KafkaDistribution

#: After a failure, until the next attempt.
RETRY_SECONDS = 86_400.0


def make_in_background(kafka: KafkaDistribution) -> None:
    """Start a process of the lowest priority that makes the cache, unless it is there or was tried lately."""
    if kafka.aot_cache is None or kafka.aot_cache.exists() or not _claim(kafka.aot_cache):
        return
    subprocess.Popen(
        [sys.executable, "-m", "deploy.broker.aot_trial"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def marker(cache: Path) -> Path:
    """The file that says since when a cache is being made."""
    return cache.with_suffix(".attempted")


def _claim(cache: Path) -> bool:
    """Whether this process shall make the cache; of several that ask at a time one is told so."""
    attempted = marker(cache)
    try:
        if attempted.exists() and time.time() - attempted.stat().st_mtime > RETRY_SECONDS:
            attempted.unlink()
        attempted.touch(exist_ok=False)
    except OSError:  # claimed by another, or a cache folder that cannot be written to
        return False
    return True
