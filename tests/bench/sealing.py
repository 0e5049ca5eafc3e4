"""What sealing adds to a click: chunks through the pipeline with and without it, turn by turn, no broker.

By processor time, so that who else uses the machine counts little; both ways answer the same clicks.
"""

import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from models.privacy.envelope import Envelopes
from tests import tiny
from tests.offline import Offline, Record, processing_config, records

CLICKS, VISITORS, STEP_MS, START = 2_000, 500, 100, 1_700_000_000_000
MASTER = Envelopes(b"benchmark" * 5)


def sealing(rounds: int, say: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """By where a visitor's key comes from: microseconds a click without sealing, and what sealing adds."""
    with tempfile.TemporaryDirectory() as folder:
        version = tiny.version(Path(folder))
        found = {
            "key at hand": _compared(version, rounds, VISITORS, fresh=False),
            "key read": _compared(version, rounds, 0, fresh=False),
            "key made": _compared(version, rounds, VISITORS, fresh=True),
        }
    for name, cost in found.items():
        say(f"sealing, {name}: {cost['plain_us']:.1f} µs a click, {cost['sealing_us']:+.1f} µs sealed")
    return found


def _compared(version: Any, rounds: int, recent: int, fresh: bool) -> dict[str, float]:
    rules = processing_config(recent_visitors=recent)
    plain, sealed = Offline(version, rules), Offline(version, rules, envelopes=MASTER)
    costs: list[tuple[float, float]] = []
    for number in range(rounds + 1):
        chunk = _chunk(number, fresh)
        turns = (plain, sealed) if number % 2 else (sealed, plain)
        spent = {one: _spent(one, chunk) for one in turns}
        costs.append((spent[plain], spent[sealed]))
    # The first one has visitors to make, whatever is measured.
    counted = costs[1:]
    added = median(one - other for other, one in counted)
    return {"plain_us": median(other for other, _ in counted), "sealing_us": added}


def _chunk(number: int, fresh: bool) -> list[Record]:
    life = number if fresh else 0
    clicks = range(number * CLICKS, (number + 1) * CLICKS)
    return records(
        {
            "event_id": f"e{click}",
            "visitor_id": f"v{life}-{click % VISITORS}",
            "event": "view_item",
            "item_id": f"i{click % 30}",
            "ts": START + STEP_MS * click,
        }
        for click in clicks
    )


def _spent(one: Offline, chunk: list[Record]) -> float:
    gc.collect()
    gc.disable()
    try:
        started = time.process_time()
        one.process(chunk)
        return (time.process_time() - started) / len(chunk) * 1e6
    finally:
        gc.enable()
