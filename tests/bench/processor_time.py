"""Processor time of the three sides of the benchmark: workers, broker, and the client that measures."""

import os
from collections.abc import Iterable

import psutil


class ProcessorTime:
    """Seconds of processor time from now on: of `workers` (process ids), broker and this process."""

    def __init__(self, workers: Iterable[int], broker: int | None = None) -> None:
        found = {"worker": [psutil.Process(pid) for pid in workers], "client": [psutil.Process(os.getpid())]}
        self._processes = {**found, "broker": [psutil.Process(broker)] if broker else []}
        self._before = self._spent()

    def since(self) -> dict[str, float]:
        """Seconds of each side since the start."""
        return {name: seconds - self._before[name] for name, seconds in self._spent().items()}

    def _spent(self) -> dict[str, float]:
        return {
            name: sum(sum(process.cpu_times()[:2]) for process in found)
            for name, found in self._processes.items()
        }
