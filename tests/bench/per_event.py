"""The full job as per-event programs of other engines: same model, same answers, state in RocksDB."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tests.bench.clicks import Log, rows
from tests.bench.filling import fill
from tests.bench.full import DENSITY, HOUR_MS
from tests.bench.ground import Ground, Running, module
from tests.bench.jobs.full_job import FullJob, environment, save_states
from tests.bench.model import Model
from tests.bench.sizes import Sizes

TOPIC = "per-event-clicks"
ENGINES = ("faust", "quix")


def per_event(
    ground: Ground, model: Model, states: Sequence[bytes], log: Log, sizes: Sizes, say: Callable[[str], None]
) -> dict[str, float]:
    """Clicks/s by engine, answered in full from full-size states. Raises BenchError."""
    count = max(sizes.per_event.values())
    stream = log.stream(count, DENSITY, int(time.time() * 1000) - HOUR_MS, sizes.visitors)
    ground.create(TOPIC)
    fill(ground.bootstrap, TOPIC, rows(stream))
    found = {}
    for name in ENGINES:
        with engine(ground, name, TOPIC, model, states) as (answers, running):
            found[name] = ground.steady(answers[-1], sizes.per_event[name], running).per_second
        say(f"full job, one click at a time: {name} {found[name]:,.0f} clicks/s")
    ground.delete(TOPIC)
    return found


@contextmanager
def engine(
    ground: Ground, name: str, topic: str, model: Model, states: Sequence[bytes]
) -> Iterator[tuple[tuple[str, str, str], Running]]:
    """One of ENGINES, answering what comes on `topic`; the topics of its answers, and its process.

    Visitors begin with `states` in turn; without any, as unknown ones.
    """
    group = f"{name}-{secrets.token_hex(3)}"
    answers = (f"{group}-purchase-intent", f"{group}-recommendations", f"{group}-ad-decisions")
    for output in answers:
        ground.create(output)
    folder, file = ground.folder / group, ground.folder / f"{group}.states"
    folder.mkdir()
    save_states(file, list(states))
    where = (str(model.version.path), str(model.log), str(file))
    job = FullJob(ground.bootstrap, topic, answers, group, str(folder), *where)
    with ground.process(group, module(f"tests.bench.jobs.{name}_full"), environment(job)) as running:
        yield answers, running
    ground.delete(*answers)
