"""Kill, freeze, add and remove workers and restart the broker under load, then ask an oracle what should be.

    make chaos ARGS="--runs 10 --seed 1"

docs/chaos.md says what is checked. A run's record goes to build/chaos/<seed>.json; one that failed keeps its
folder beside it.
"""

import argparse
import json
import shutil
import signal
import sys
import time
from pathlib import Path
from random import Random

from confluent_kafka import KafkaException

from tests.e2e.chaos_mishaps import Chaos
from tests.e2e.chaos_plan import Plan, Size
from tests.e2e.chaos_reading import behind
from tests.e2e.chaos_verify import Verdict, disk, examine
from tests.e2e.chaos_world import PARTITIONS, World, await_words

FOLDER = Path("build/chaos").absolute()
DRAIN_SECONDS = 120
NEURAL_SHARE = 0.99
#: Traffic goes on so long when the last mishap is over: workers become ready and work off what piled up.
CALM_SECONDS = 15


def run(seed, size, folder, keep=False):
    """One run; its record, with `wrong` empty if everything held. The folder stays if something did not.

    With `keep` it stays anyway.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    verdict, started = Verdict(), time.time()
    world = World(folder, Random(f"{seed} shop"), size.visitors)
    try:
        chaos = _disturb(world, size, seed, verdict)
        _settle(world, verdict)
        _examine(world, verdict)
    finally:
        world.close()
    record = _record(seed, size, world, chaos, verdict, time.time() - started)
    (folder / "record.json").write_text(json.dumps(record, indent=1))
    if not record["wrong"] and not keep:
        shutil.rmtree(folder)
    return record


def _disturb(world, size, seed, verdict):
    """Traffic from the first click to the last, and the plan carried out on the way."""
    rng = Random(f"{seed} plan")
    world.open()
    for _ in range(size.warm):
        world.send()
    upgraded = size.upgrades(seed) and _upgrade(world, size, verdict)
    for name in "AB":
        if not world.workers[name].wanted:
            world.workers[name].start()
    _await_applied(world, lambda left: left < size.rate, verdict, "warm-up")
    world.timeline.note(f"{size.warm} clicks to warm up are applied")
    chaos, begun = Chaos(world, Plan(size, seed, rng, upgraded)), time.time()
    chaos.start()
    until = None
    while until is None or time.time() < until:
        if until is None and not chaos.running:
            until = time.time() + CALM_SECONDS
        _send_due(world, size, time.time() - begun)
        time.sleep(0.005)
    verdict.figures["rate"] = round((world.sent - size.warm) / (time.time() - begun))
    world.timeline.note(f"{world.sent} clicks sent, the last ones at {verdict.figures['rate']} a second")
    chaos.finish()
    verdict.hold(chaos.failures, "plan")
    return chaos


def _send_due(world, size, passed):
    """All that is due after so many seconds."""
    while world.sent < size.warm + passed * size.rate:
        world.send()
        if world.sent % 100 == 0:
            world.change_catalogue()


def _upgrade(world, size, verdict):
    """Workers of the version before answer the first clicks, then end one by one; whether there are any.

    A new worker that finds one of them in the group waits until it has left.
    """
    old = world.old_workers()
    if not old:
        return False
    for one in old:
        one.start()
    _await_applied(world, lambda left: left < size.rate, verdict, "warm-up of old workers")
    statuses = [old[0].stop()]
    world.workers["A"].start()
    waits = await_words(world.workers["A"].worker, "workers of an older version")
    verdict.hold([] if waits else ["it says nothing"], "a new worker beside an old one")
    world.timeline.note("a new worker waits until the old one has left")
    statuses.append(old[1].stop())
    verdict.hold([status for status in statuses if status], "old worker ends with")
    world.timeline.note(f"old workers ended with {statuses}, new ones follow")
    return True


def _settle(world, verdict):
    """Everything applied, and the workers gone of their own accord."""
    unsent = world.producer.flush(120)
    verdict.hold([unsent] if unsent else [], "producer kept")
    verdict.hold(world.undelivered, "producer")
    _await_applied(world, lambda left: left == 0, verdict, "drained")
    for one in world.workers.values():
        if one.wanted:
            one.await_ready()
            status = one.stop()
            verdict.hold([status] if status != 0 else [], f"worker {one.name} ends with")
    world.timeline.note("all applied, workers stopped")


def _await_applied(world, enough, verdict, what):
    deadline, left = time.time() + DRAIN_SECONDS, None
    while time.time() < deadline:
        time.sleep(0.5)
        try:
            left = behind(world.client(), world.names.clicks, world.changelog, PARTITIONS)
        except KafkaException as error:  # the changelog is there once a worker has begun
            left = error
            continue
        if enough(sum(left)):
            return
    verdict.hold([left], f"not {what} in {DRAIN_SECONDS} s, left")


def _examine(world, verdict):
    """The topics against the oracle, then the disk of a worker that started from nothing."""
    fresh = world.fresh()
    fresh.start()
    states = examine(world, verdict)
    fresh.await_ready()
    status = fresh.stop()
    verdict.hold([status] if status != 0 else [], "fresh worker ends with")
    disk(world.folder / "fresh" / "data", states, verdict)
    world.timeline.note("topics, state and recovered disk compared with the oracle")
    total = sum(verdict.calm_tiers.values())
    share = verdict.calm_tiers["neural"] / total if total else 1.0
    verdict.hold([round(share, 4)] if share < NEURAL_SHARE else [], f"neural below {NEURAL_SHARE}")


def _record(seed, size, world, chaos, verdict, seconds):
    calm, every = sum(verdict.calm_tiers.values()), sum(verdict.tiers.values())
    return {
        "seed": seed,
        "size": size._asdict(),
        "seconds": round(seconds, 1),
        "wrong": verdict.wrong,
        **verdict.figures,
        "neural_outside": round(verdict.calm_tiers["neural"] / calm, 5) if calm else None,
        "answers_outside": calm,
        "neural_overall": round(verdict.tiers["neural"] / every, 5) if every else None,
        "rungs": verdict.tiers,
        "forgotten": _forgotten(world),
        "done": chaos.done,
        "missed": chaos.missed,
        "exits": {one.name: one.exits for one in world.workers.values()},
        "shop": world.shop.counts,
        "timeline": world.timeline.entries,
    }


def _forgotten(world):
    """Markers that the broker forgot when it was killed, and a worker wrote
    (`streams.transport.forgotten_transactions`).
    """
    logs = [path.read_text(errors="replace") for path in world.folder.glob("*/worker.log")]
    return sum(text.count("ended a transaction that the broker had forgotten") for text in logs)


def told(record):
    """One line on a run."""
    fate = "FAILED" if record["wrong"] else "passed"
    bytes_each = record.get("visitor_bytes", 0) // max(1, record.get("visitors", 0))
    return (
        f"chaos seed {record['seed']} {fate} in {record['seconds']} s: {record.get('clicks')} clicks at "
        f"{record.get('rate')}/s, {record.get('answers')} answers, {record.get('duplicates')} duplicates, "
        f"{record.get('dead_letters')} dead letters, {record.get('visitors')} visitors of {bytes_each} B, "
        f"{record.get('keys')} keys equal the oracle's, neural {record['neural_outside']} outside restarts "
        f"({record['answers_outside']} answers), {record['neural_overall']} in all, "
        f"{record['forgotten']} forgotten markers written, {len(record['done'])} mishaps, missed "
        f"{record['missed']}"
    )


def main():
    """Runs one after the other, each with the next seed; exit status 1 if any failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--keep", action="store_true", help="keep topics, states and logs of passed runs, too"
    )
    for name, value in Size()._asdict().items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    asked = vars(parser.parse_args())
    # So that an end from outside ends what was started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    size, failed = Size(**{name: asked[name] for name in Size._fields}), 0
    for seed in range(asked["seed"], asked["seed"] + asked["runs"]):
        record = run(seed, size, FOLDER / f"run-{seed}", asked["keep"])
        (FOLDER / f"{seed}.json").write_text(json.dumps(record, indent=1))
        print(told(record), flush=True)
        if record["wrong"]:
            failed += 1
            print("\n".join(record["wrong"][:40]))
            print(f"kept: {FOLDER / f'run-{seed}'}", flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
