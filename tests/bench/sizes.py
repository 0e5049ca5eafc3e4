"""How much is measured: the real sizes, and small ones that only show that everything runs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sizes:
    """`counted` clicks by contestant; `visitors` of the full job all have full-size states when it starts;
    one worker does it, then `workers` share it.

    `rate` is clicks/s while latency is measured, for `latency_seconds` after `settling_seconds`; each cost of
    scoring is timed for `timed_seconds`; training is compared on `sessions`.
    """

    rounds: int = 3
    counted: Mapping[str, int] = field(
        default_factory=lambda: {"faust": 30_000, "quix": 300_000, "pathcast": 1_000_000}
    )
    trained: int = 150_000
    epochs: int = 3
    templates: int = 2_000
    visitors: int = 100_000
    answered: int = 400_000
    rate: int = 1_000
    settling_seconds: float = 5.0
    latency_seconds: float = 30.0
    recovered: int = 1_000_000
    workers: int = os.cpu_count() or 1
    updates: int = 10
    timed_seconds: float = 3.0
    sessions: int = 40_000


QUICK = Sizes(
    rounds=1,
    counted={"faust": 300, "quix": 2_000, "pathcast": 10_000},
    trained=10_000,
    epochs=1,
    templates=50,
    visitors=200,
    answered=3_000,
    rate=200,
    settling_seconds=1.0,
    latency_seconds=2.0,
    recovered=500,
    updates=2,
    workers=2,
    timed_seconds=0.01,
    sessions=200,
)
