"""What goes wrong in a chaos run, and when: all of it drawn from the seed."""

import os
import signal
import threading
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.e2e.chaos_world import SESSION_TIMEOUT


class Size(NamedTuple):
    """How long a run is: seconds of chaos at `rate` clicks/s, after `warm` clicks as fast as they go."""

    seconds: float = 100.0
    kills: int = 10
    rate: int = 2_000
    warm: int = 40_000
    visitors: int = 3_000


@dataclass
class Plan:
    """Mishaps with their times (s); each runs to its end before the next begins, but a freeze."""

    size: Size
    rng: object
    steps: list = field(default_factory=list)

    def __post_init__(self):
        names = ["kill"] * self.size.kills + ["freeze", "broker", "swap"]
        self.rng.shuffle(names)
        # The third worker comes in the first half and leaves in the second.
        half = len(names) // 2
        names.insert(self.rng.randrange(half), "add")
        names.insert(self.rng.randrange(half + 1, len(names) + 1), "remove")
        width = self.size.seconds / len(names)
        self.steps = [(width * (at + self.rng.random() * 0.8), name) for at, name in enumerate(names)]


class Chaos:
    """Carries out a plan on a world, on a thread of its own."""

    def __init__(self, world, plan):
        self.world, self.plan = world, plan
        self.done, self.failures = [], []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._freezes = []

    def start(self):
        self._thread.start()

    def finish(self):
        self._thread.join(120)
        for thread in self._freezes:
            thread.join(60)

    def _run(self):
        started = time.time()
        for at, name in self.plan.steps:
            time.sleep(max(0.0, started + at - time.time()))
            since = time.time()
            try:
                getattr(self, "_" + name)()
            except Exception as error:  # noqa: BLE001 - told at the end, with everything else
                self.failures.append(f"{name}: {error!r}")
            self.done.append(name)
            self.world.disturb(since)

    def _any(self):
        """A worker at work if there is one: killing one that only starts is the lesser test."""
        until = time.time() + SESSION_TIMEOUT
        while not (workers := [one for one in self.world.workers.values() if one.wanted and one.alive]):
            if time.time() > until:
                raise TimeoutError(f"no worker was alive for {SESSION_TIMEOUT} s")
            time.sleep(0.05)
        busy = [one for one in workers if one.worker.is_ready()]
        return self.plan.rng.choice(busy or workers)

    def _kill(self):
        victim = self._any()
        self.world.timeline.note(f"SIGKILL {victim.name}")
        victim.kill()

    def _freeze(self):
        victim = self._any()
        pid = victim.worker.process.pid
        seconds = SESSION_TIMEOUT + self.plan.rng.uniform(2, 5)
        self.world.timeline.note(f"SIGSTOP {victim.name} for {seconds:.1f} s")
        os.kill(pid, signal.SIGSTOP)
        thread = threading.Thread(target=self._thaw, args=(victim, pid, seconds), daemon=True)
        self._freezes.append(thread)
        thread.start()

    def _thaw(self, victim, pid, seconds):
        time.sleep(seconds)
        if victim.worker.process.pid == pid and victim.worker.process.poll() is None:
            self.world.timeline.note(f"SIGCONT {victim.name}")
            os.kill(pid, signal.SIGCONT)

    def _broker(self):
        kill = self.plan.rng.random() < 0.5
        self.world.timeline.note("broker " + ("killed" if kill else "stopped"))
        if kill:
            os.kill(self.world.broker.running().pid, signal.SIGKILL)
            time.sleep(0.5)
        else:
            self.world.broker.stop()
        self.world.broker.start()
        self.world.timeline.note("broker up again")

    def _swap(self):
        self.world.timeline.note("model swap")
        self.world.announce(1)

    def _add(self):
        self.world.timeline.note("worker C added")
        self.world.workers["C"].start()

    def _remove(self):
        worker = self.world.workers["C"]
        worker.await_ready(30)
        status = worker.stop()
        self.world.timeline.note(f"worker C removed: {status}")
