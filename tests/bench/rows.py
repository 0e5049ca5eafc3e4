"""The table of figures beside their targets."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from tests.bench.results import Results

Row = tuple[str, str, str, str]
#: By rate (clicks/s): most milliseconds of the median and of the 99th percentile.
LATENCY = {"77": (12, 40), "300": (15, 45), "1000": (20, 60)}
ENGINES = {"faust": "plain Faust agent", "quix": "Quix Streams", "pathcast": "Pathcast, exactly once"}
GIB = 2**30
#: Calls of the gateway: title, most milliseconds at the median and at the 99th percentile.
GATEWAY = {
    "answers": ("click to decision at 100 calls/s", 25, 80),
    "predict": ("prediction at 200 calls/s", 5, 25),
}
#: What a dashboard that is looked at costs.
DASHBOARD = {"worker": "worker's processor time a click, more by", "rate": "throughput, less by"}
#: By number of items: most microseconds of a score in a large chunk.
SCORE = {"1000": 25, "20000": 50}
#: Most microseconds of a decision.
DECISION = 5


def rows(results: Results) -> Iterator[Row]:
    """Measure, figure, target, whether it holds."""
    running = _counting, _full, _latency, _shared, _takeover, _memory
    for part in (*running, _scoring, _deciding, _retrieving, _training, _gateway, _dashboard):
        yield from part(results)


def _gateway(results: Results) -> Iterator[Row]:
    for name, (title, p50, p99) in GATEWAY.items():
        if (found := results.get("gateway", {}).get(name)) is not None:
            yield _at_most(f"gateway: {title}, p50", found["p50_ms"], p50, "ms")
            yield _at_most(f"gateway: {title}, p99", found["p99_ms"], p99, "ms")
    if (found := results.get("gateway", {}).get("collect")) is not None:
        yield _at_least("gateway: events in batches of 50", found["events_per_second"], 3_000, "events/s")


def _dashboard(results: Results) -> Iterator[Row]:
    if (found := results.get("dashboard")) is not None:
        for name, title in DASHBOARD.items():
            yield _at_most(f"open dashboard: {title}", found[name]["percent"], 2, "%")


def _counting(results: Results) -> Iterator[Row]:
    for name, title in ENGINES.items():
        if name in (found := results.get("counting", {})):
            yield f"counting: {title}", f"{found[name]:,.0f} clicks/s", "", ""
    yield from _ratio(results, "counting_to_faust", "counting: Pathcast to plain Faust", 50, "x")
    yield from _ratio(results, "counting_to_quix", "counting: Pathcast to Quix Streams", 3, "x")


def _full(results: Results) -> Iterator[Row]:
    full = results.get("full", {})
    if "pathcast" in full:
        title = f"full job, {full['items']:,} items: Pathcast, one worker"
        yield title, f"{full['pathcast']:,.0f} clicks/s", "", ""
        yield _at_least("full job: answers of the network", 100 * full["neural_share"], 99, "%")
    for name in ("faust", "quix"):
        if (rate := full.get(f"{name}_per_event")) is not None:
            yield f"full job, one click at a time: {ENGINES[name]}", f"{rate:,.0f} clicks/s", "", ""
    yield from _ratio(results, "full_to_faust", "full job to plain Faust's counting", 10, "x, goal 15")
    yield from _ratio(results, "full_to_faust_per_event", "full job to the same job in Faust", 20, "x")
    yield from _ratio(
        results, "full_to_quix_per_event", "full job to the same job in Quix Streams", None, "x"
    )


def _latency(results: Results) -> Iterator[Row]:
    for rate, found in results.get("latency", {}).get("by_rate", {}).items():
        title, (p50, p99) = f"latency at {int(rate):,} clicks/s", LATENCY.get(rate, (None, None))
        yield _at_most(f"{title}, p50", found["p50_ms"], p50, "ms")
        yield _at_most(f"{title}, p99", found["p99_ms"], p99, "ms")
    if bare := results.get("bare"):
        title = f"the same of the counting job at {bare['rate']:,} clicks/s, p50 / p99"
        yield title, _both(bare), "", ""


def _shared(results: Results) -> Iterator[Row]:
    """The full job by a worker per core, and with other encoders; no target speaks of them."""
    if shared := results.get("shared"):
        title = f"full job, {shared['workers']} workers"
        yield title, f"{shared['pathcast']:,.0f} clicks/s", "", ""
        yield from _ratio(results, "shared_to_faust", f"{title}, to plain Faust's counting", None, "x")
        yield f"{title}: latency, p50 / p99", _both(shared), "", ""
    for encoder, other in results.get("encoders", {}).items():
        yield f"full job with encoder {encoder}", f"{other['pathcast']:,.0f} clicks/s", "", ""
        yield f"the same: latency with encoder {encoder}, p50 / p99", _both(other), "", ""


def _takeover(results: Results) -> Iterator[Row]:
    if found := results.get("takeover"):
        timeout, seconds = found["session_timeout_seconds"], found["longest_seconds"]
        title = f"takeover after a kill, longest of {len(found['seconds'])}"
        yield title, f"{seconds:.1f} s", f"session timeout {timeout:g} s", ""
    if found := results.get("rebalance"):
        title = f"1 to 3 to 1 workers, times {found['turns']}: longest gap in answers"
        yield title, f"{found['longest_gap_seconds']:.1f} s", "", ""
        kept = found["answers"] == found["clicks"]
        figure = f"{found['answers']:,} of {found['clicks']:,} clicks"
        yield "answers during rebalances, no worker died", figure, "each once", "yes" if kept else "NO"
    if found := results.get("start"):
        yield _at_most("start to ready, kernels compiled", found["warm_seconds"], 6, "s")
        yield _at_most("more with an empty kernel cache", found["compiling_seconds"], 45, "s")


def _memory(results: Results) -> Iterator[Row]:
    if recovery := results.get("recovery"):
        yield _at_most(f"recovery of {recovery['visitors']:,} visitors", recovery["seconds"], 20, "s")
    if found := results.get("memory"):
        who = f"{found['visitors']:,} visitors"
        disk = found["disk_bytes_per_visitor"] * found["visitors"] / GIB
        yield f"a visitor's record, mean of {who}", f"{found['record_bytes']:,.0f} bytes", "", ""
        yield "a visitor in the changelog", f"{found['changelog_bytes_per_visitor']:,.0f} bytes", "", ""
        yield "a visitor on the worker's disk", f"{found['disk_bytes_per_visitor']:,.0f} bytes", "", ""
        target = 0.5 if found["visitors"] >= 1_000_000 else None
        yield _at_most(f"{who} on the worker's disk", disk, target, "GiB", ".2f")
        resident = found["resident_bytes"] / GIB
        yield f"{who}: memory of the worker", f"{resident:.2f} GiB", "", ""


def _scoring(results: Results) -> Iterator[Row]:
    if score := results.get("score"):
        yield _at_most(f"score of one click, {score['items']:,} items", score["one_ms"], 0.2, "ms", ".2f")
        for items, cost in score["batch_us"].items():
            title = f"score of a click in large chunks, {int(items):,} items"
            yield _at_most(title, cost, SCORE.get(items), "µs")
    for title, cost in results.get("scoring", {}).items():
        yield _at_most(title, cost["us"], cost["goal"], "µs an event")
    for name, cost in results.get("sealing", {}).items():
        yield f"sealing a click's answers, {name}", f"{cost['sealing_us']:.1f} µs", "", ""


def _deciding(results: Results) -> Iterator[Row]:
    for name, cost in results.get("decision_cost", {}).items():
        title = f"a decision among 20 actions, {name.removesuffix('_us')}"
        yield _at_most(title, cost, DECISION, "µs a click")


def _retrieving(results: Results) -> Iterator[Row]:
    for title, found in results.get("retrieving", {}).items():
        yield f"top 20 of {title}, all ranked", f"{found['exact_us']:.1f} µs a query", "", ""
        if "near_us" in found:
            part = f"top 20 of {title}, {found['looked_at']}"
            yield _at_most(part, found["near_us"], found["goal"], "µs a query")
            yield _at_least(f"recall of these, {title}", found["recall"], 0.99, "of the exact 20", ".3f")


def _training(results: Results) -> Iterator[Row]:
    found = results.get("training")
    if not found:
        return
    names = {"pathcast": "Pathcast", "session_parallel": "GRU4Rec's way, session by session"}
    for name, title in names.items():
        one, epochs = found[name], found["epochs"][name]
        figure = f"{one['rate']:,.0f} events/s, recall@20 {one['recall']:.3f}"
        yield f"training: {title}, {epochs} epochs", figure, "", ""
    ratio = found["session_parallel"]["seconds"] / found["pathcast"]["seconds"]
    yield _at_least("training: the other's time to ours", ratio, 3, "x, at equal recall")


def _ratio(results: Results, name: str, title: str, target: float | None, unit: str) -> Iterator[Row]:
    if (ratio := results.get("ratios", {}).get(name)) is not None:
        yield _at_least(title, ratio, target, unit)


def _both(found: Mapping[str, Any]) -> str:
    if found["p50_ms"] is None:
        return "not in time"
    return f"{found['p50_ms']:.1f} / {found['p99_ms']:.1f} ms"


def _at_least(title: str, figure: float, target: float | None, unit: str, form: str = ".1f") -> Row:
    return _judged(title, figure, target, ">=", target is None or figure >= target, unit, form)


def _at_most(title: str, figure: float, target: float | None, unit: str, form: str = ".1f") -> Row:
    return _judged(title, figure, target, "<=", target is None or figure <= target, unit, form)


def _judged(
    title: str, figure: float, target: float | None, sign: str, holds: bool, unit: str, form: str
) -> Row:
    shown = f"{figure:{form}} {unit.split(',')[0]}"
    if target is None:
        return title, shown, "", ""
    return title, shown, f"{sign} {target:g} {unit}", "yes" if holds else "NO"


def table(results: Results) -> Table:
    """All figures with their targets."""
    shown = Table("measure", "figure", "target", "holds", title="Pathcast benchmark")
    for row in rows(results):
        shown.add_row(*row)
    return shown


def stages(full: Mapping[str, Any]) -> Table:
    """Where the full job's time goes."""
    shown = Table("stage", "µs/click", "share", title="Full job, one worker: where the time goes")
    total = sum(full["stages"].values())
    for stage, cost in full["stages"].items():
        shown.add_row(stage, f"{cost:.1f}", f"{cost / total:.0%}")
    shown.add_row("all stages", f"{total:.1f}", "100%", style="bold")
    return shown
