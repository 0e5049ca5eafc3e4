"""What a score costs with the measured model: one click by itself, and a click of a large chunk.

The clicks are in the midst of the log's sessions: their visitors' hidden states come from the clicks before.
"""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import Click, Limits
from models.features import features
from models.features.batch import Batch, Batcher
from models.registry.versions import Version
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.visitor import Visitor
from tests.bench.catalogues import shop
from tests.bench.clicks import Log, rows
from tests.bench.model import Model
from tests.bench.scoring import timed
from tests.bench.states import Record

#: Clicks of a large chunk, those before it, and how many clicks are scored one by one.
CHUNK, BEFORE, ONES = 2_000, 10_000, 200
VISITORS = 4_000
#: Items of the two catalogues that `batch_us` is measured with beside the model's own.
CATALOGUES = (1_000, 20_000)
DENSITY = 20


def score_costs(log: Log, model: Model, seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    """`one_ms` a click by itself; `batch_us` a click in chunks of CHUNK, by number of items."""
    torch.set_num_threads(1)
    own, costs = len(model.version.vocabulary.ids), dict[str, float]()
    one, costs[str(own)] = _costs(model.version, log, seconds)
    for items in CATALOGUES:
        with TemporaryDirectory() as folder:
            made, clicks = shop(log, model, items, Path(folder))
            _, costs[str(items)] = _costs(made.version, clicks, seconds)
    for items, cost in costs.items():
        say(f"score: {int(items):,} items, {cost:.1f} µs a click in chunks of {CHUNK:,}")
    say(f"score: one click {one:.3f} ms")
    return {"one_ms": one, "batch_us": costs, "items": own}


def _costs(version: Version, log: Log, seconds: float) -> tuple[float, float]:
    """Milliseconds of one click, microseconds of a click in a chunk."""
    ones, chunk = _batches(version, log)
    turn = iter(range(1 << 62))
    one = timed(lambda: version.neural.score(ones[next(turn) % len(ones)]), seconds)
    return one * 1e3, timed(lambda: version.neural.score(chunk), seconds) / len(chunk) * 1e6


def _batches(version: Version, log: Log) -> tuple[list[Batch], Batch]:
    """Single clicks, and a chunk."""
    stream = log.stream(BEFORE + ONES + CHUNK, DENSITY, int(time.time() * 1000) - 3_600_000, VISITORS)
    times = stream["ts"].to_list()
    records = [Record(*pair, ts, 0) for pair, ts in zip(rows(stream), times, strict=True)]
    decoded = Decoder(Limits(check_skew=False), Catalogue()).decode(records)
    clicks = [click for click in decoded if isinstance(click, Click)]
    known: dict[str, Visitor] = {}
    for at in range(0, BEFORE, CHUNK):
        _chunk(version, known, clicks[at : at + CHUNK])
    ones = [_chunk(version, known, [click]) for click in clicks[BEFORE : BEFORE + ONES]]
    return ones, _chunk(version, known, clicks[BEFORE + ONES :])


def _chunk(version: Version, known: dict[str, Visitor], clicks: list[Click]) -> Batch:
    """The batch of clicks, which are applied to their visitors."""
    batcher, slots, watermark = Batcher(), dict[str, int](), clicks[-1].ts
    for click in clicks:
        name = click.visitor_id
        if name not in slots:
            slots[name] = batcher.visitor(known.get(name))
        known[name], facts = step(known.get(name), click, watermark, SessionConfig())
        if facts.code:
            batcher.click(slots[name], facts.code, facts.position, features.row(known[name], click, facts))
    batch = batcher.build()
    hidden = version.neural.score(batch).hidden_bytes()
    for name, slot in slots.items():
        known[name].remember(hidden[slot], version.id64)
    return batch
