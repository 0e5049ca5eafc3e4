"""`python -m tests.bench.feedback`: what the feedback join costs a click, without Kafka.

Processor time of the pipeline over chunks of 500 clicks, and the bytes of state that they write.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from models.state import state_keys
from tests.offline import ACTIONS, Offline, records
from tests.tiny import version as tiny

START = 1_790_000_000_000
CHUNK = 500
EVENTS = (*("view_item",) * 6, "page_view", "search", "add_to_cart", "view_item_list")
#: An action for most clicks.
BUSY = """
placement = "shop"
epsilon = 0.9
actions = [
    { name = "nothing", kind = "none" },
    { name = "ad", kind = "ad", weight = 2.0, when = { events = ["view_item", "page_view", "search"] } },
    { name = "ad-2", kind = "ad" },
    { name = "ad-3", kind = "ad" },
    { name = "ad-4", kind = "ad" },
    { name = "coupon", kind = "coupon", cost = 5.0, explore_when = {} },
]
"""


def events(clicks: int, visitors: int) -> Iterator[dict[str, Any]]:
    """Clicks of visitors in turn by chance, 20 ms apart."""
    draw = random.Random(1)
    for number in range(clicks):
        yield {
            "event_id": f"event-{number:08}",
            "visitor_id": f"visitor-{draw.randrange(visitors):06}",
            "ts": START + 20 * number,
            "event": draw.choice(EVENTS),
            "item_id": f"i{draw.randrange(9)}",
            "price": 9.5,
        }


def measure(actions: str, clicks: int, visitors: int) -> dict[str, float]:
    """Microseconds a click (the lower quartile of chunks), bytes a click, a visitor, an open decision."""
    sent, spent, written = records(events(clicks, visitors)), [], 0
    with tempfile.TemporaryDirectory() as folder:
        offline = Offline(version=tiny(Path(folder)), actions=actions)
        for at in range(0, clicks, CHUNK):
            begun = time.process_time()
            effects = offline.process(sent[at : at + CHUNK])
            spent.append((time.process_time() - begun) / CHUNK * 1e6)
            written += sum(len(key) + len(value or b"") for key, value in effects.state)
    known = [len(value) for _, value in offline.state.scan(state_keys.VISITOR)]
    kept = [len(key) + len(value) for key, value in offline.state.scan(state_keys.DECISION)]
    return {
        "us a click": sorted(spent)[len(spent) // 4],
        "state bytes a click": written / clicks,
        "bytes a visitor": sum(known) / len(known),
        "open decisions a click": len(kept) / clicks,
        "bytes an open decision": sum(kept) / max(1, len(kept)),
    }


@click.command()
@click.option("--clicks", default=30_000, show_default=True)
@click.option("--visitors", default=4_000, show_default=True)
def main(clicks: int, visitors: int) -> None:
    """Print the figures for the shipped actions, and for actions that most clicks get."""
    for name, actions in (("shipped actions", ACTIONS), ("an action for most clicks", BUSY)):
        figures = measure(actions, clicks, visitors)
        click.echo(f"{name}: " + ", ".join(f"{what} {value:.4g}" for what, value in figures.items()))


if __name__ == "__main__":
    main()
