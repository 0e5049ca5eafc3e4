"""Carries out the plan of a chaos run on its world, on a thread of its own."""

import os
import signal
import threading
import time
from contextlib import suppress

from tests.e2e.chaos_world import SESSION_TIMEOUT

#: Seconds until a worker has come to an armed place: a rebalance, and that it is at work again.
ARRIVAL = SESSION_TIMEOUT + 20
#: Seconds that a successor stays in the phase in which its zombie wakes, and that a slow worker takes.
LINGER, SLOW = 2.0, 3.0


class Chaos:
    """Mishaps one after the other, but what is frozen stays so meanwhile. `done` has what came about.

    What is missed is tried once more at the end; what is missed then, too, is in `missed`.
    """

    def __init__(self, world, plan):
        self.world, self.plan = world, plan
        self.done, self.missed, self.failures = [], [], []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._frozen = {}

    def start(self):
        self._thread.start()

    @property
    def running(self):
        """Whether there is more to come."""
        return self._thread.is_alive()

    def finish(self):
        self._thread.join(300)
        for thread in list(self._frozen.values()):
            thread.join(60)

    def _run(self):
        # On a busy machine workers restart for so long that no one comes to a place in time.
        missed = [step for step in self.plan.steps if not self._came(step)]
        self.missed = [list(step[:3]) for step in missed if not self._came(step)]

    def _came(self, step):
        """Carry out one step; False if the place was not reached."""
        time.sleep(step.pause)
        since, came = time.time(), None
        try:
            came = getattr(self, "_" + step.name)(step)
        except Exception as error:  # noqa: BLE001 - told at the end, with everything else
            self.failures.append(f"{step}: {error!r}")
        else:
            self.done += [list(step[:3])] * (came is not False)
        self.world.disturb(since)
        return came is not False

    def _workers(self, seconds=60.0):
        """Workers at work, at least one."""
        until = time.time() + seconds
        while True:
            alive = [one for one in self.world.workers.values() if one.wanted and one.alive]
            awake = [one for one in alive if one.name not in self._frozen]
            if busy := [one for one in awake if one.is_ready()]:
                return busy
            if time.time() > until:
                raise TimeoutError(f"no worker was at work for {seconds} s")
            time.sleep(0.1)

    def _any(self, passing=True):
        """One of them; without `passing` not the third one, which comes and goes."""
        workers = self._workers()
        staying = [one for one in workers if one.name != "C"]
        return self.plan.rng.choice(workers if passing or not staying else staying)

    def _note(self, what):
        self.world.timeline.note(what)

    def _await(self, workers):
        """The one of these that has come to its armed place; None where none does."""
        until = time.time() + ARRIVAL
        while time.time() < until:
            for one in workers:
                if one.trap.reached:
                    return one
            time.sleep(0.01)
        for one in workers:
            one.trap.disarm()
        return None

    def _rebalance(self, but=()):
        """Let partitions change hands: a third worker comes or goes, or one is killed and started again."""
        others = [one for one in self._workers() if one not in but and one.name != "C"]
        if others and self.plan.rng.random() < 0.5:
            victim = self.plan.rng.choice(others)
            self._note(f"SIGKILL {victim.name} for a rebalance")
            victim.kill()
        else:
            self._toggle(None)

    def _kill(self, step):
        victim = self._any()
        self._note(f"SIGKILL {victim.name}")
        victim.kill()

    def _zombie(self, step):
        """Freeze a worker in a cycle; it wakes when its successor is in a phase of taking over."""
        victim = self._any()
        victim.trap.arm("stop", step.place)
        if self._await([victim]) is None:
            return False
        pid = victim.worker.process.pid
        self._note(f"{victim.name} is frozen: {step.place}")
        self._frozen[victim.name] = threading.Thread()
        successors = [one for one in self.world.workers.values() if one is not victim and one.wanted]
        for one in successors:
            one.trap.arm(f"sleep {LINGER}", step.phase)
        successor = self._await(successors)
        self._note(f"its successor {successor and successor.name} is here: {step.phase}")
        self._wake(victim, pid)
        for one in successors:
            one.trap.disarm()
        return successor is not None

    def _taker(self, step):
        """Freeze a worker in a phase of its takeover; it wakes when others have taken over from it."""
        victim = self._any(passing=False)
        victim.trap.arm("stop", step.place)
        self._rebalance(but=(victim,))
        if self._await([victim]) is None:
            return False
        pid = victim.worker.process.pid
        self._note(f"{victim.name} is frozen in its takeover: {step.place}")
        seconds = SESSION_TIMEOUT + self.plan.rng.uniform(2, 6)
        thread = threading.Thread(target=self._wake, args=(victim, pid, seconds), daemon=True)
        self._frozen[victim.name] = thread
        thread.start()
        return True

    def _wake(self, victim, pid, seconds=0.0):
        time.sleep(seconds)
        if victim.worker.process.pid == pid and victim.alive:
            self._note(f"SIGCONT {victim.name}")
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._frozen.pop(victim.name, None)

    def _kill_at(self, workers, step):
        for one in workers:
            one.trap.arm("kill", step.place)
        if step.name == "kill_uncommitted":
            self._rebalance()
        victim = self._await(workers)
        for one in workers:
            one.trap.disarm()
        self._note(f"SIGKILL {victim and victim.name}: {step.place}")
        return victim is not None

    def _kill_uncommitted(self, step):
        return self._kill_at(self._workers(), step)

    def _kill_unwritten(self, step):
        return self._kill_at([self._any()], step)

    def _slow(self, step):
        """A worker that takes its time while others want its partitions: nobody may end for that."""
        victim = self._any(passing=False)
        pid = victim.worker.process.pid
        victim.trap.arm(f"sleep {SLOW}", step.place)
        if self._await([victim]) is None:
            return False
        self._note(f"{victim.name} is slow: {step.place}")
        self._toggle(None)
        time.sleep(SLOW + LINGER)
        if victim.name != "C" and victim.worker.process.pid != pid:
            self.failures.append(f"{victim.name} ended though it was only slow: {step.place}")
        return True

    def _broker(self, step):
        """Kill the broker as a worker ends its transaction: markers may be missing or forgotten."""
        process = self.world.broker.running()
        workers = self._workers()
        for one in workers:
            one.trap.arm(f"broker {process.pid}", step.place)
        victim = self._await(workers)
        for one in workers:
            one.trap.disarm()
        self._note(f"broker killed in a transaction of {victim and victim.name}: {step.place}")
        if victim is None:
            os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.5)
        self.world.broker.start()
        self._note("broker up again")
        return victim is not None

    def _swap(self, step):
        self._note("model swap")
        self.world.announce(1)

    def _toggle(self, step):
        """A third worker joins, or leaves if it is there."""
        worker = self.world.workers["C"]
        if not worker.wanted:
            self._note("worker C joins")
            worker.start()
            return
        worker.await_ready()
        status = worker.stop()
        self._note(f"worker C leaves: {status}")
        if status not in (0, None):
            self.failures.append(f"worker C ends with {status} when asked to leave")

    def _old(self, step):
        """A worker of the version before wants to join: it must be refused, and say why."""
        return self.world.old_worker_is_refused()
