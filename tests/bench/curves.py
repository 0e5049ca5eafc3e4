"""How throughput depends on the size of the catalogue and on the number of visitors: one worker, full job."""

import shutil
from collections.abc import Callable, Sequence
from typing import Any

from tests.bench.catalogues import shop
from tests.bench.clicks import Log
from tests.bench.full import DEADLINE_MS, ready, throughput
from tests.bench.ground import Ground
from tests.bench.model import Model
from tests.bench.sizes import Sizes
from tests.bench.states import Crowd, full_states
from tests.bench.working import forget, settle

#: Visitors of the curve over items, on which it does not depend.
FEW_VISITORS = 20_000
Say = Callable[[str], None]
Point = dict[str, Any]


def over_items(
    ground: Ground, model: Model, log: Log, sizes: Sizes, say: Say, keep: Callable[[list[Point]], None]
) -> None:
    """A point for each number of items; `keep` is told all so far after each one. Raises BenchError."""
    points: list[Point] = []
    for items in sizes.curve_items:
        folder = ground.folder / f"shop-{items}"
        folder.mkdir()
        made, clicks = shop(log, model, items, folder)
        states = full_states(clicks.pasts(min(500, sizes.templates)), made.version)
        visitors = min(sizes.visitors, FEW_VISITORS)
        points.append({"items": items, **_point(ground, made, clicks, states, visitors, sizes, say)})
        shutil.rmtree(folder)
        say(f"{items:,} items: {points[-1]['clicks_per_second']:,.0f} clicks/s")
        keep(points)


def over_visitors(
    ground: Ground,
    model: Model,
    states: Sequence[bytes],
    log: Log,
    sizes: Sizes,
    say: Say,
    keep: Callable[[list[Point]], None],
) -> None:
    """A point for each number of visitors, as `over_items`. Raises BenchError."""
    points: list[Point] = []
    for visitors in sizes.curve_visitors:
        points.append({"visitors": visitors, **_point(ground, model, log, states, visitors, sizes, say)})
        say(f"{visitors:,} visitors: {points[-1]['clicks_per_second']:,.0f} clicks/s")
        keep(points)


def _point(
    ground: Ground, model: Model, log: Log, states: Sequence[bytes], visitors: int, sizes: Sizes, say: Say
) -> Point:
    place = settle(ground, f"curve-{len(model.version.vocabulary.ids)}-{visitors}", model)
    with ready(place, Crowd(visitors, states), 1, say, PATHCAST_DEADLINE_MS=DEADLINE_MS) as found:
        made = throughput(place, found, log, sizes.curve_clicks, visitors)
    forget(place)
    return {
        "clicks_per_second": made.rate,
        "score_us": made.stages.get("score"),
        "read_us": made.stages.get("read"),
        "neural_share": made.neural,
        "resident_bytes": made.resident_bytes,
    }
