"""`python -m deploy.broker.aot_trial`: make the AOT cache of the bundled broker, at the lowest priority."""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

import psutil

from deploy.broker.aot_cache import marker
from deploy.broker.broker import Broker
from deploy.broker.broker_process import Process, free_port
from deploy.broker.distribution import BrokerError, KafkaDistribution, find
from deploy.broker.java_options import recording
from deploy.broker.trial_load import transactions

HEAP = "512m"
#: Of load on the trial broker: the profiles of methods need some thousand calls.
LOAD_SECONDS = 20.0
#: Until Java has written the cache, at the lowest priority.
WRITE_SECONDS = 600.0


def make(kafka: KafkaDistribution) -> None:
    """Run a trial broker under load and keep the cache that it writes. Raises BrokerError."""
    if kafka.aot_cache is None:
        raise BrokerError("KAFKA_HOME is set: an AOT cache is made for the bundled Kafka only")
    with tempfile.TemporaryDirectory(dir=kafka.aot_cache.parent, prefix="trial-") as scratch:
        made = Path(scratch) / kafka.aot_cache.name
        _trial(Path(scratch), made)
        if not made.exists():
            raise BrokerError("Java wrote no AOT cache: see the console.log of a broker started by hand")
        made.replace(kafka.aot_cache)
    marker(kafka.aot_cache).unlink(missing_ok=True)


def _trial(folder: Path, output: Path) -> None:
    broker = Broker(folder / "broker", free_port(), java=recording(HEAP, output))
    broker.start()
    noted = broker.running()
    try:
        asyncio.run(transactions(broker.bootstrap, LOAD_SECONDS))
        if noted is not None:
            _end(noted)
    finally:
        broker.stop()


def _end(noted: Process) -> None:
    """Ask the broker to end, and wait until its Java has written the cache."""
    process, deadline = noted.find(), time.monotonic() + WRITE_SECONDS
    if process is not None:
        process.terminate()
    while noted.find() is not None and time.monotonic() < deadline:
        time.sleep(0.2)


if __name__ == "__main__":
    os.nice(19)
    if sys.platform == "linux":
        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)
    make(find())
