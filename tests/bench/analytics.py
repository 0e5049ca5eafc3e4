"""`python -m tests.bench.analytics`: what analytics cost a click, and how good the sketch of paths is.

Processor time of one thread on a real log, without Kafka; the best of several runs. `--faster` divides the
times between clicks, as in a busier shop: a fold costs a click less the more clicks a pane has.
"""

import time
from collections import Counter, defaultdict
from typing import Any

import click

from models.analytics.analytics_records import encode_analytics
from models.analytics.collecting import AddedCollector, encode_added
from models.analytics.folding import fold
from models.analytics.written_out import path_of
from models.contract.events import Click
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from tests import analytics_logs

CHUNK = 2_000
RUNS = 5


class Stepped:
    """Clicks with their facts and visitors, so that only analytics are timed."""

    def __init__(self, clicks: list[Click]) -> None:
        visitors: dict[str, Any] = {}
        self.clicks, self.watermark = [], 0
        for one in clicks:
            self.watermark = max(self.watermark, one.ts)
            before = visitors.get(one.visitor_id)
            known, facts = step(before, one, self.watermark, SessionConfig())
            visitors[one.visitor_id] = known
            if facts.code:
                self.clicks.append((one, facts, known))


def costs(stepped: Stepped) -> dict[str, float]:
    """Microseconds a click by part, and bytes a click that chunks write into the state."""
    spent: dict[str, float] = defaultdict(float)
    added, written = [], 0
    for at in range(0, len(stepped.clicks), CHUNK):
        part, collector = stepped.clicks[at : at + CHUNK], AddedCollector()
        begun = time.thread_time()
        for one, facts, known in part:
            collector.click(one, facts, known)
            for transition in facts.transitions:
                collector.transition(transition)
        collected = time.thread_time()
        made = collector.added()
        value = encode_added(1, made)
        spent["click"] += collected - begun
        spent["chunk"] += time.thread_time() - collected
        written += len(value)
        added.append(made)
    begun = time.thread_time()
    for folded in fold(added, lambda keys: [None] * len(keys), 0, stepped.watermark, 0):
        encode_analytics(folded.record)
    spent["fold"] = time.thread_time() - begun
    clicks = len(stepped.clicks)
    return {name: seconds / clicks * 1e6 for name, seconds in spent.items()} | {"bytes": written / clicks}


def best(stepped: Stepped, runs: int = RUNS) -> dict[str, float]:
    """The least of each figure over several runs."""
    each = [costs(stepped) for _ in range(runs)]
    return {name: min(one[name] for one in each) for name in each[0]}


def sketch_error(clicks: list[Click]) -> dict[str, float]:
    """Sessions, distinct paths, the stated error of the sketch of `all`, and the largest true one."""
    counted = analytics_logs.Counted(clicks)
    sketch = analytics_logs.folded(counted.added).paths["all"]
    true = Counter(path_of(one.visit.path, one.visit.cut) for one in counted.ended)
    worst = max(number - sketch.counts.get(path, (0, 0))[0] for path, number in true.items())
    return {"sessions": sketch.total, "paths": len(true), "error": sketch.error, "largest": worst}


@click.command()
@click.option("--clicks", default=60_000, show_default=True, help="Clicks of the log.")
@click.option("--faster", default=100, show_default=True, help="Divide times between clicks by this.")
@click.option("--shipped", is_flag=True, help="The demo's log, not the large one.")
def main(clicks: int, faster: int, shipped: bool) -> None:
    """Print both."""
    log = analytics_logs.shipped()[:clicks] if shipped else analytics_logs.gstore(clicks)
    print("sketch of paths:", sketch_error(log))
    start = log[0].ts
    for one in log:
        one.ts = start + (one.ts - start) // faster
    found = best(Stepped(log))
    parts = ", ".join(f"{name} {found[name]:.2f}" for name in ("click", "chunk", "fold"))
    total = sum(found[name] for name in ("click", "chunk", "fold"))
    print(f"us a click: {parts}, together {total:.2f}; {found['bytes']:.1f} bytes a click in the state")


if __name__ == "__main__":
    main()
