"""`pathcast worker` with places where something may go wrong: `python -m tests.e2e.chaos_worker worker`."""

import os
from pathlib import Path

from aiokafka.client import AIOKafkaClient

from deploy.cli import main
from streams.transport.runtime import Runtime
from streams.transport.worker_log import WorkerLog
from tests.e2e.chaos_points import REQUESTS, Points, stage

FOLDER = "CHAOS_FOLDER"


class Stages:
    """Whether the next cycle is the first one after a takeover."""

    def __init__(self) -> None:
        self.cycle = "first"

    def take_over(self):
        """A takeover begins."""
        self.cycle = "first"
        return "takeover"

    def publish(self):
        """A cycle is published."""
        cycle, self.cycle = self.cycle, "later"
        return cycle


def install(folder):
    """Wrap takeovers, recoveries, cycles and every request of aiokafka's client."""
    points, stages = Points(folder), Stages()
    WorkerLog.take_over = points.around(stages.take_over, lambda *args: "takeover", WorkerLog.take_over)
    WorkerLog.publish = points.around(stages.publish, lambda *args: "cycle", WorkerLog.publish)
    Runtime.recovered = points.around(lambda: "recovery", lambda *args: "recovery", Runtime.recovered)
    AIOKafkaClient.send = points.around(stage, _request, AIOKafkaClient.send)


def _request(client, node, request):
    return REQUESTS.get(getattr(request, "API_KEY", -1), "")


if __name__ == "__main__":
    install(Path(os.environ[FOLDER]))
    main()
