"""The figures: where they are kept, and the table in which they are shown."""

import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import psutil
from rich.table import Table

Results = dict[str, Any]
Row = tuple[str, str, str, str]


def machine() -> dict[str, Any]:
    """What it ran on, without naming it."""
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 1),
    }


def ratios(results: Results) -> dict[str, float]:
    """How many times faster than plain Faust, and than Quix Streams."""
    counting, full = results.get("counting"), results.get("full")
    found: dict[str, float] = {}
    if counting:
        found["counting_to_faust"] = counting["pathcast"] / counting["faust"]
        found["counting_to_quix"] = counting["pathcast"] / counting["quix"]
    if counting and full:
        found["full_to_faust"] = full["pathcast"] / counting["faust"]
    if counting and (shared := results.get("shared")):
        found["shared_to_faust"] = shared["pathcast"] / counting["faust"]
    return {name: round(ratio, 2) for name, ratio in found.items()}


def save(results: Results, path: Path) -> None:
    """Write `results` as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")


def load(path: Path) -> Results:
    """What was saved; empty for nothing."""
    return msgspec.json.decode(path.read_bytes()) if path.exists() else {}


def rows(results: Results) -> Iterator[Row]:
    """Measure, figure, target, whether it holds."""
    yield from _counting(results)
    yield from _full(results)
    if latency := results.get("latency"):
        yield _at_most("latency at the given rate, p50", latency["p50_ms"], 25, "ms, goal 15")
        yield _at_most("latency at the given rate, p99", latency["p99_ms"], 60, "ms, goal 40")
    if bare := results.get("bare"):
        title = "the same of the counting job, p50 / p99"
        yield title, f"{bare['p50_ms']:.1f} / {bare['p99_ms']:.1f} ms", "", ""
    yield from _shared(results)
    for encoder, other in results.get("encoders", {}).items():
        yield f"full job with encoder {encoder}", f"{other['pathcast']:,.0f} clicks/s", "", ""
        title = f"the same at the given rate: latency with encoder {encoder}, p50 / p99"
        yield title, f"{other['p50_ms']:.1f} / {other['p99_ms']:.1f} ms", "", ""
    yield from _scoring(results)
    yield from _retrieving(results)
    yield from _sealing(results)
    yield from _training(results)
    if recovery := results.get("recovery"):
        yield _at_most(f"recovery of {recovery['visitors']:,} visitors", recovery["seconds"], 60, "s")


def _counting(results: Results) -> Iterator[Row]:
    counting, found = results.get("counting"), results.get("ratios", {})
    if not counting:
        return
    names = {"faust": "plain Faust agent", "quix": "Quix Streams", "pathcast": "Pathcast, exactly once"}
    for name, title in names.items():
        yield f"counting: {title}", f"{counting[name]:,.0f} clicks/s", "", ""
    yield _at_least("counting: Pathcast to plain Faust", found["counting_to_faust"], 25, "x")
    yield _at_least("counting: Pathcast to Quix Streams", found["counting_to_quix"], 2.5, "x")


def _full(results: Results) -> Iterator[Row]:
    full, found = results.get("full"), results.get("ratios", {})
    if not full:
        return
    yield "full job: Pathcast", f"{full['pathcast']:,.0f} clicks/s", "", ""
    if "full_to_faust" in found:
        yield _at_least("full job to plain Faust's counting", found["full_to_faust"], 6, "x, goal 10")
    yield _at_least("full job: answers of the network", 100 * full["neural_share"], 99, "%")


def _shared(results: Results) -> Iterator[Row]:
    """The same job by a worker per core; no target speaks of it, since plain Faust is one process too."""
    shared, found = results.get("shared"), results.get("ratios", {})
    if not shared:
        return
    title = f"full job, {shared['workers']} workers"
    yield title, f"{shared['pathcast']:,.0f} clicks/s", "", ""
    if "shared_to_faust" in found:
        yield f"{title}, to plain Faust's counting", f"{found['shared_to_faust']:.1f} x", "", ""
    yield f"{title}: latency, p50 / p99", f"{shared['p50_ms']:.1f} / {shared['p99_ms']:.1f} ms", "", ""


def _scoring(results: Results) -> Iterator[Row]:
    for title, cost in results.get("scoring", {}).items():
        if cost["goal"] is None:
            yield title, f"{cost['us']:.1f} µs an event", "", ""
        else:
            yield _at_most(title, cost["us"], cost["goal"], "µs an event")


def _retrieving(results: Results) -> Iterator[Row]:
    for title, found in results.get("retrieving", {}).items():
        yield f"top 20 of {title}, all ranked", f"{found['exact_us']:.1f} µs a query", "", ""
        if "near_us" not in found:
            continue
        part = f"top 20 of {title}, {found['looked_at']}"
        if found["goal"] is None:
            yield part, f"{found['near_us']:.1f} µs a query", "", ""
        else:
            yield _at_most(part, found["near_us"], found["goal"], "µs a query")
        recall = found["recall"]
        yield (
            f"recall of these, {title}",
            f"{recall:.3f} of the exact 20",
            ">= 0.99",
            _verdict(recall >= 0.99),
        )


def _sealing(results: Results) -> Iterator[Row]:
    for name, cost in results.get("sealing", {}).items():
        yield f"sealing a click's answers, {name}", f"{cost['sealing_us']:.1f} µs", "", ""


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


def _at_least(title: str, figure: float, target: float, unit: str) -> Row:
    return title, f"{figure:.1f} {unit.split(',')[0]}", f">= {target:g} {unit}", _verdict(figure >= target)


def _at_most(title: str, figure: float, target: float, unit: str) -> Row:
    return title, f"{figure:.1f} {unit.split(',')[0]}", f"<= {target:g} {unit}", _verdict(figure <= target)


def _verdict(holds: bool) -> str:
    return "yes" if holds else "NO"


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
