"""The counting job on Pathcast's transport and store: exactly once."""

import os
import sys
from pathlib import Path

import faust

from streams.config.worker_settings import WorkerSettings
from streams.effects import NO_HEADERS, Effects
from streams.transport import interpreter
from streams.transport.app import build
from streams.transport.runtime import Runtime
from streams.transport.runtime_config import RuntimeConfig
from streams.transport.takeover import Places
from streams.transport.topic_metadata import describer
from streams.transport.worker_log import WorkerLog
from streams.transport.worker_producer import WorkerProducer, worker_transactional_id
from tests.bench.jobs.counting import count, dumps, loads, place

#: Most clicks in a transaction, 8,000 a partition: counting costs so little.
CHUNK = 32_000
#: As a worker: large cycles are processed while the one before is committed.
THREADS = 1


class Counting:
    """One chunk: states of its sessions read once, stepped click by click, written once."""

    def __init__(self, output: str) -> None:
        self.output = output

    def process(self, works):
        """Effects of chunks."""
        return [self.counted(work) for work in works]

    def counted(self, work):
        """Effects of one chunk."""
        keys = list({record.key: None for record in work.records})
        known = zip(keys, work.state.get(keys), strict=True)
        states = {key: loads(value) if value else None for key, value in known}
        outputs = []
        for record in work.records:
            states[record.key], answered = count(states[record.key], loads(record.value))
            outputs.append((record.key, dumps(answered), NO_HEADERS))
        changed = [(key, dumps(state)) for key, state in states.items()]
        return Effects({self.output: outputs} if outputs else {}, changed, work.watermark)

    def reject(self, work, error):
        """Nothing here fails but by mistake."""
        raise error

    def opened(self, partition, state) -> None:
        """Nothing is kept in memory."""

    def closed(self, partition) -> None:
        """Nothing is kept in memory."""


def _die(error: Exception) -> None:
    print(repr(error), file=sys.stderr, flush=True)
    os._exit(1)


def main() -> None:
    """Count until SIGTERM."""
    here = place()
    connection = {"bootstrap_servers": here.bootstrap}
    settings = WorkerSettings.model_construct(application_id=here.group, chunk_records=CHUNK)
    identifier = worker_transactional_id(here.group, "counting")
    producer = WorkerProducer(identifier, settings.transaction_timeout_ms, connection)
    log = WorkerLog(producer, lambda changelog: Places(here.group, here.clicks, changelog, [here.output], []))
    config = RuntimeConfig(settings, here.clicks, "", connection, threads=THREADS)
    runtime = Runtime(config, Counting(here.output), describer(connection), log, on_failure=_die)
    app = build(runtime, bootstrap=here.bootstrap, partitions=4, datadir=Path(here.folder))
    interpreter.tune()
    sys.argv[1:] = ["worker"]
    faust.Worker(app, loglevel="INFO").execute_from_commandline()


if __name__ == "__main__":
    main()
