"""How much is measured: the real sizes, and small ones that only show that everything runs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.network.encoders import ENCODERS
from tests.bench.retrieving import CATALOGUES
from trainer.loop.options import Options


@dataclass(frozen=True)
class Sizes:
    """How large each part is; the defaults are the real sizes.

    Model: `trained` are the log's first clicks to learn from, in at most `epochs`; None: as `pathcast train`.
    Counting: `counted` clicks by engine in `rounds`. Full job: `answered` clicks of `visitors`, all of whom
    have full-size states (made of `templates` pasts) when it starts; one worker does it, then `workers` share
    it, then one does it with each of `encoders`. `per_event`: clicks by engine for the same job one by one.

    Latency: `latency_seconds` at each of `rates` (clicks/s), longer where that is less than `latency_clicks`,
    after `settling_seconds`; `rate` is that of other parts. Curves: `curve_clicks` for each of `curve_items`
    and `curve_visitors`. Recovery: `recovered` visitors, each written `updates` times.

    Takeover: `takeovers` kills and `rebalances` turns of 1 to 3 to 1 workers at `takeover_rate`, with a
    `session_timeout` (s; None: the default); `starts` with warm caches. Costs of scoring are timed for
    `timed_seconds`, for `catalogues` of so many items; those of decisions in cycles of `decided` clicks;
    sealing in `sealed` pairs of chunks; training is compared on `sessions`. The gateway is called for
    `gateway_seconds` in each way. The dashboard is looked at in `dashboard_turns`, each of `dashboard_clicks`
    without and with it.
    """

    trained: int | None = None
    epochs: int | None = None
    rounds: int = 3
    counted: Mapping[str, int] = field(
        default_factory=lambda: {"faust": 30_000, "quix": 300_000, "pathcast": 1_000_000}
    )
    templates: int = 2_000
    visitors: int = 100_000
    answered: int = 400_000
    workers: int = os.cpu_count() or 1
    per_event: Mapping[str, int] = field(default_factory=lambda: {"faust": 8_000, "quix": 8_000})
    encoders: tuple[str, ...] = tuple(name for name in ENCODERS if name != Options().encoder)
    rate: int = 1_000
    rates: tuple[int, ...] = (20, 77, 300, 1_000, 3_000)
    settling_seconds: float = 5.0
    latency_seconds: float = 30.0
    latency_clicks: int = 1_500
    curve_items: tuple[int, ...] = (1_000, 5_000, 20_000, 50_000, 200_000)
    curve_visitors: tuple[int, ...] = (10_000, 100_000, 300_000, 1_000_000)
    curve_clicks: int = 150_000
    recovered: int = 1_000_000
    updates: int = 10
    takeovers: int = 5
    takeover_rate: int = 300
    rebalances: int = 10
    session_timeout: float | None = None
    starts: int = 3
    timed_seconds: float = 3.0
    decided: int = 4_000
    catalogues: tuple[int, ...] = CATALOGUES
    sealed: int = 30
    gateway_seconds: float = 30.0
    dashboard_turns: int = 6
    dashboard_clicks: int = 40_000
    sessions: int = 40_000


QUICK = Sizes(
    trained=10_000,
    epochs=1,
    rounds=1,
    counted={"faust": 300, "quix": 2_000, "pathcast": 10_000},
    templates=50,
    visitors=200,
    answered=3_000,
    workers=2,
    per_event={"faust": 100, "quix": 100},
    encoders=(),
    rate=200,
    rates=(77, 300),
    settling_seconds=1.0,
    latency_seconds=2.0,
    latency_clicks=0,
    curve_items=(20_000,),
    curve_visitors=(),
    curve_clicks=1_000,
    recovered=500,
    updates=2,
    takeovers=1,
    takeover_rate=100,
    rebalances=1,
    session_timeout=6.0,
    starts=1,
    timed_seconds=0.01,
    decided=50,
    catalogues=(1_000, 20_000),
    sealed=2,
    gateway_seconds=2.0,
    dashboard_turns=2,
    dashboard_clicks=1_000,
    sessions=200,
)
