"""A crowd that logs in here and there, on workers that are killed, against an account on a single machine.

python -m tests.e2e.storm --visitors 100000 --links 30000
"""

import argparse
import json
import shutil
import sys
import threading
import time
from pathlib import Path
from random import Random
from typing import NamedTuple

from confluent_kafka import Producer

from deploy.cluster.topic_creation import ensure
from streams.config.connection import Connection
from tests.brokers import start_broker, topic_names
from tests.e2e.chaos_reading import latest, read_all
from tests.e2e.chaos_world import SESSION_TIMEOUT, Supervised, Timeline, _ready
from tests.e2e.crowd import Crowd
from tests.e2e.crowd_verify import compare
from tests.e2e.worker import Worker

PARTITIONS = 4
#: Seconds for which nothing may be left to read before all is believed to be applied.
QUIET = 5.0
DRAIN = 900.0
LAG = ("pathcast_lag_records", "pathcast_side_lag_records")


class Size(NamedTuple):
    """Visitors, logins among them, records a second, kills, and the last seconds in which there are some."""

    visitors: int = 100_000
    links: int = 30_000
    rate: int = 4_000
    kills: int = 8


class Storm:
    """One run."""

    def __init__(self, folder, seed, size):
        self.size, self.rng, self.timeline, self.folder = size, Random(f"{seed} storm"), Timeline(), folder
        self.crowd = Crowd(seed, size.visitors, size.links, PARTITIONS)
        self.broker = start_broker(folder / "broker")
        self.connection = Connection(bootstrap_servers=self.broker.bootstrap)
        self.names = topic_names()
        ensure(self.connection, self.names, partitions=PARTITIONS)
        self.client = {"bootstrap.servers": self.broker.bootstrap, "log_level": 0}
        settings = {"enable.idempotence": True, "linger.ms": 5, "partitioner": "murmur2_random"}
        self.producer = Producer({**self.client, **settings, "queue.buffering.max.messages": 1_000_000})
        self.workers = [self._worker(name) for name in "ABC"]
        self.kills = 0
        self._over = threading.Event()

    def _worker(self, name):
        folder = self.folder / name
        folder.mkdir()
        settings = {"session_timeout_seconds": SESSION_TIMEOUT, "idle_seconds": 1_000_000}
        return Supervised(name, Worker(self.connection, self.names, folder, **settings), self.timeline)

    def run(self):
        """What is wrong, and figures."""
        for worker in self.workers:
            worker.start()
        threads = [threading.Thread(target=run, daemon=True) for run in (self._supervise, self._kill)]
        for worker in self.workers:
            worker.await_ready()
        for thread in threads:
            thread.start()
        began = time.time()
        self._send(self.crowd.records(), self.size.rate)
        self.timeline.note(f"all sent; {json.dumps(self.crowd.counts)}")
        threads[1].join()
        self._drain()
        for number in range(3):
            self._send([self.crowd.last(number, partition) for partition in range(PARTITIONS)], 1_000)
            self._drain()
        seconds = round(time.time() - began, 1)
        self._over.set()
        threads[0].join()
        ends = [worker.stop() for worker in self.workers]
        self.timeline.note(f"workers ended with {ends}")
        changelog = f"{self.names.clicks}-state-changelog"
        wrong, figures = compare(self.client, self.names, changelog, self.crowd)
        wrong += [f"worker ended with {end}" for end in ends if end != 0]
        messages = sum(len(read_all(self.client, self.names.identities, n)) for n in range(PARTITIONS))
        figures |= {"seconds": seconds, "kills": self.kills, "messages": messages, **self.crowd.counts}
        state = [latest(read_all(self.client, changelog, n)) for n in range(PARTITIONS)]
        figures["state_keys"] = sum(map(len, state))
        return wrong, figures

    def _send(self, records, rate):
        """At a steady rate; a record of `profiles` goes where its key hashes to, as the shop's own would."""
        began = time.time()
        for number, record in enumerate(records):
            topic = self.names.profiles if record.profile else self.names.clicks
            options = {} if record.partition is None else {"partition": record.partition}
            self.producer.produce(topic, record.value, record.key, headers=record.headers, **options)
            if number % 200 == 0:
                self.producer.poll(0)
                time.sleep(max(0.0, began + number / rate - time.time()))
        assert self.producer.flush(120) == 0

    def _supervise(self):
        while not self._over.wait(0.25):
            for worker in self.workers:
                worker.look()

    def _kill(self):
        """Kill workers while there is work, one after the other; also one that has just come back."""
        pause = 0.9 * len(self.crowd.records()) / self.size.rate / max(1, self.size.kills)
        for _ in range(self.size.kills):
            time.sleep(pause * self.rng.uniform(0.5, 1.0))
            victim = self.rng.choice([one for one in self.workers if one.alive] or self.workers)
            self.timeline.note(f"SIGKILL {victim.name}")
            victim.kill()
            self.kills += 1

    def _drain(self):
        """Return once all workers have been at the ends of their inputs for a while."""
        deadline, quiet_since = time.time() + DRAIN, None
        while time.time() < deadline:
            time.sleep(0.5)
            if not self._quiet():
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.time()
            elif time.time() - quiet_since > QUIET:
                return
        raise TimeoutError(f"not all was applied in {DRAIN} s")

    def _quiet(self):
        left, partitions = 0, 0
        for one in self.workers:
            if not _ready(one.worker):
                return False
            metrics = one.worker.metrics()
            lags = [value for name, value in metrics.items() if name.split("{")[0] in LAG]
            left += sum(lags)
            partitions += sum(name.startswith(LAG[0] + "{") for name in metrics)
        return left == 0 and partitions == PARTITIONS

    def close(self):
        """End every process that was started here."""
        self._over.set()
        for one in self.workers:
            one.wanted = False
            one.worker.kill()
        self.broker.stop()


def run(seed, size, folder):
    """One run: what is wrong, and figures. The folder stays if something is."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    storm = Storm(folder, seed, size)
    try:
        wrong, figures = storm.run()
    finally:
        storm.close()
    if not wrong:
        shutil.rmtree(folder)
    return wrong, figures


def main():
    """Exit status 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("build/storm").absolute())
    for name, value in Size()._asdict().items():
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = vars(parser.parse_args())
    size = Size(**{name: asked[name] for name in Size._fields})
    wrong, figures = run(asked["seed"], size, asked["folder"])
    print(json.dumps({**size._asdict(), **figures}, indent=1), *wrong, sep="\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
