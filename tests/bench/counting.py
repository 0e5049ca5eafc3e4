"""The same counting job on the same input by three engines, each a process of its own."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

from tests.bench.filling import fill
from tests.bench.ground import Ground, Rate, Running, module
from tests.bench.jobs.counting import Place, clicks, environment
from tests.bench.sizes import Sizes

TOPIC = "counting-clicks"
CONTESTANTS = ("faust", "quix", "pathcast")


def counting(ground: Ground, sizes: Sizes, say: Callable[[str], None]) -> dict[str, float]:
    """Events/s of each contestant: the median of `sizes.rounds`, taken in turns to meet the same load."""
    events = sizes.counted
    ground.create(TOPIC)
    fill(ground.bootstrap, TOPIC, clicks(max(events.values())))
    rates: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for number in range(sizes.rounds):
        for name in CONTESTANTS:
            rate = contest(ground, name, events[name], whole=events[name] == max(events.values()))
            rates[name].append(rate.per_second)
            say(f"counting, round {number + 1}: {name} {rate.per_second:,.0f} clicks/s over {rate.events:,}")
    ground.delete(TOPIC)
    return {name: median(found) for name, found in rates.items()}


def contest(ground: Ground, name: str, events: int, whole: bool) -> Rate:
    """One contestant from an empty state to its first `events` outputs. Raises BenchError."""
    with contestant(ground, name, TOPIC) as (output, running):
        return ground.steady(output, events, running, whole)


@contextmanager
def contestant(ground: Ground, name: str, topic: str) -> Iterator[tuple[str, Running]]:
    """One of the three, counting what comes on `topic`; its output's topic, and its process."""
    group = f"{name}-{secrets.token_hex(3)}"
    output = f"{group}-out"
    ground.create(output)
    folder = ground.folder / group
    folder.mkdir()
    env = environment(Place(ground.bootstrap, topic, output, group, str(folder)))
    with ground.process(group, module(f"tests.bench.jobs.{name}_count"), env) as running:
        yield output, running
    ground.delete(output)
