"""The world of one chaos run: a broker of its own, supervised workers, a producer, an ear on decisions."""

import json
import re
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from deploy.cluster.topic_creation import ensure
from streams.config.connection import Connection
from tests.brokers import start_broker, topic_names
from tests.e2e.chaos_old import OldWorker, checkout
from tests.e2e.chaos_points import Trap
from tests.e2e.chaos_traffic import ITEMS, Shop, catalogue_item
from tests.e2e.worker import Worker

PARTITIONS = 4
SESSION_TIMEOUT, TRANSACTION_TIMEOUT = 6, 5
ROOT = Path(__file__).parents[2]
#: Seconds in which an old worker ends that wants to join new ones, and what it says.
REFUSAL_SECONDS, REFUSAL = 60, r"checkpoint of format 2|nconsistentGroupProtocol"
#: Days of event time until a visitor counts as lost and is forgotten: short, so that a run sees both.
CHURN_DAYS, TTL_DAYS, ATTRIBUTION_HOURS, PANE_HOURS = 0.05, 0.075, 1.0, 1
SETTINGS = {
    "session_timeout_seconds": SESSION_TIMEOUT,
    "transaction_timeout_seconds": TRANSACTION_TIMEOUT,
    # Event time is the log's alone: the oracle has no clock.
    "idle_seconds": 1_000_000,
    "churn_days": CHURN_DAYS,
    "visitor_ttl_days": TTL_DAYS,
    "attribution_hours": ATTRIBUTION_HOURS,
    "pane_hours": PANE_HOURS,
}


class Heard(msgspec.Struct):
    """What the shop's front end reads of a decision."""

    visitor_id: str
    decision_id: str
    action: str


class Timeline:
    """What happened when; seconds since the start, and wall-clock ms for the answers' `scored_at`."""

    def __init__(self):
        self.started = time.time()
        self.entries = []

    def note(self, what):
        now = time.time()
        self.entries.append((round(now - self.started, 1), what))
        print(f"  {now - self.started:6.1f} s  {what}", flush=True)


class ChaosWorker(Worker):
    """A worker in which places can be armed (`tests/e2e/chaos_points.py`)."""

    command = (sys.executable, "-m", "tests.e2e.chaos_worker", "worker")

    @property
    def environment(self):
        return super().environment | {"CHAOS_FOLDER": str(self.folder), "PYTHONPATH": str(ROOT)}


class Supervised:
    """A worker process that is started again whenever it ends, as a supervisor would."""

    def __init__(self, name, worker, timeline):
        self.name, self.worker, self.timeline = name, worker, timeline
        self.trap = Trap(worker.folder)
        self.wanted = False
        self.exits = []

    def start(self):
        self.worker.start()
        # Only now: who watches looks at the process.
        self.wanted = True

    @property
    def alive(self):
        return self.worker.process.poll() is None

    def look(self):
        """Start it again if it has ended against our will."""
        if self.wanted and (status := self.worker.process.poll()) is not None:
            self.exits.append(status)
            self.timeline.note(f"{self.name} ended with {status}; started again")
            self.worker.start()

    def is_ready(self):
        """Whether it says so at once."""
        return _ready(self.worker)

    def await_ready(self, seconds=120):
        """Whether it became ready, through whatever restarts that takes."""
        deadline = time.time() + seconds
        while not (ready := _ready(self.worker)) and time.time() < deadline:
            time.sleep(0.2)
        return ready

    def kill(self):
        self.worker.process.kill()

    def stop(self):
        """SIGTERM; the exit status, None where it had to be killed."""
        self.wanted = False
        with suppress(Exception):
            return self.worker.stop(60)
        self.worker.kill()
        return None


class World:
    """Everything that runs. `close` ends it all."""

    def __init__(self, folder, rng, visitors):
        self.folder, self.timeline, self.rng = folder, Timeline(), rng
        self.shop = Shop(rng, visitors, PARTITIONS)
        self.broker = start_broker(folder / "broker", {"log.segment.bytes": str(256 << 20)})
        self.connection = Connection(bootstrap_servers=self.broker.bootstrap)
        self.names = topic_names()
        ensure(self.connection, self.names, partitions=PARTITIONS)
        self.registry = folder / "registry"
        self.announcements = _models(self.registry)
        self.undelivered = []
        self.sent = 0
        self.producer = Producer(
            {
                **self.client(),
                "enable.idempotence": True,
                "linger.ms": 5,
                "queue.buffering.max.messages": 1_000_000,
                "partitioner": "murmur2_random",
                "message.max.bytes": 1_000_000,
                "compression.type": "lz4",
                # What the broker has taken to its grave is asked again before the run gives up on it.
                "socket.timeout.ms": 15_000,
            }
        )
        self.workers = {name: self._worker(name) for name in "ABC"}
        self.disturbed = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._supervise, self._listen)]

    @property
    def changelog(self):
        return f"{self.names.clicks}-state-changelog"

    def client(self):
        return {"bootstrap.servers": self.broker.bootstrap, "log_level": 0}

    def _worker(self, name, registry=None):
        folder = self.folder / name
        folder.mkdir()
        return Supervised(name, ChaosWorker(*self._given(folder), **self._settings), self.timeline)

    def _given(self, folder):
        return self.connection, self.names, folder

    @property
    def _settings(self):
        return {**SETTINGS, "registry": self.registry}

    def old_workers(self):
        """Workers of the version before with the datadirs of A and B; none where its code is not at hand."""
        code = checkout(self.folder / "old")
        if code is None:
            return []
        return [OldWorker(code, *self._given(self.folder / name), **self._settings) for name in "AB"]

    def old_worker_is_refused(self):
        """Whether one more of them is kept out, and says why; False where its code is not at hand."""
        code, folder = self.folder / "old", self.folder / "O"
        if not code.exists():
            return False
        folder.mkdir(exist_ok=True)
        self.timeline.note("a worker of the version before wants to join")
        worker = OldWorker(code, *self._given(folder), **self._settings).start()
        refused = await_words(worker, REFUSAL)
        worker.kill()
        if not refused:
            raise AssertionError(f"it was not refused: {worker.said()[-1000:]}")
        self.timeline.note(f"it is refused: {refused}")
        return True

    def fresh(self):
        """One more worker, with an empty disk."""
        self.workers["fresh"] = self._worker("fresh")
        return self.workers["fresh"]

    def open(self):
        """Catalogue and first model; then all threads."""
        for number in range(ITEMS):
            self._produce(self.names.items, *catalogue_item(number, 0))
        self.announce(0)
        for thread in self._threads:
            thread.start()

    def announce(self, number):
        """Promote a model version."""
        self._produce(self.names.model_updates, b"onsite", self.announcements[number])
        self.producer.flush(30)

    def change_catalogue(self):
        item = self.rng.randrange(ITEMS)
        self._produce(self.names.items, *catalogue_item(item, self.rng.randrange(1, 500)))

    def send(self):
        """One record of the shop."""
        key, value, headers, partition = self.shop.next()
        options = {} if partition is None else {"partition": partition}
        self._produce(self.names.clicks, key, value, headers=headers, **options)
        self.sent += 1

    def _produce(self, topic, key, value, **options):
        self.producer.produce(topic, value, key, on_delivery=self._delivered, **options)
        self.producer.poll(0)

    def _delivered(self, error, message):
        if error is not None:
            self.undelivered.append(str(error))

    def _supervise(self):
        """Restarts, and the times in which not every worker was ready."""
        since = time.time()
        while not self._ended.wait(0.25):
            running = [one for one in self.workers.values() if one.wanted]
            for one in running:
                one.look()
            if not running or not all(_ready(one.worker) for one in running):
                since = since or time.time()
            elif since:
                self.disturb(since)
                since = None
        if since:
            self.disturb(since)

    def disturb(self, since):
        """From `since` on until now, and until what piled up is worked off, answers may fall short."""
        self.disturbed.append(((since - 1) * 1000, (time.time() + 1) * 1000))

    def _listen(self):
        """Tell the shop which decisions its visitors got, as its front end would know."""
        settings = {"group.id": "front-end", "isolation.level": "read_committed", "enable.auto.commit": False}
        consumer = Consumer({**self.client(), **settings})
        consumer.assign([TopicPartition(self.names.ad_decisions, p, 0) for p in range(PARTITIONS)])
        decode = msgspec.json.Decoder(Heard).decode
        while not self._ended.is_set():
            for message in consumer.consume(500, 0.2):
                if message.error() is None:
                    heard = decode(message.value())
                    if heard.action != "nothing":
                        self.shop.heard(heard.visitor_id, heard.decision_id)
        consumer.close()

    def close(self):
        """End every process that was started here."""
        self._ended.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(15)
        for one in self.workers.values():
            one.wanted = False
            one.worker.kill()
        self.broker.stop()
        (self.folder / "timeline.json").write_text(json.dumps(self.timeline.entries, indent=1))


def _models(registry):
    """What announces each of two versions of a network as wide as a real one."""
    # Torch is for this alone: the processes that examine a run need not wait for it.
    from tests.tiny import announcement, version

    return [announcement(registry, version(registry, seed, ITEMS, 64).id) for seed in (1, 2)]


def await_words(worker, words):
    """What a worker says that matches a pattern; "" if it does not in time."""
    deadline = time.time() + REFUSAL_SECONDS
    while not (found := re.search(words, worker.said())) and time.time() < deadline:
        time.sleep(0.2)
    return found[0] if found else ""


def _ready(worker):
    """A frozen worker does not answer: others must not wait for it."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{worker.port}/readyz", timeout=1) as answer:
            return answer.status == 200
    except Exception:  # noqa: BLE001 - whatever it is, it is not ready
        return False
