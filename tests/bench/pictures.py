"""The benchmark's curves as SVG pictures, drawn from the figures in build/bench.json."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from tests.bench.results import Results

#: Text stays text, and nothing depends on the day or on chance: small files, and no changes without a cause.
STYLE = {"svg.fonttype": "none", "svg.hashsalt": "pathcast", "font.size": 9}


def pictures(found: Results) -> dict[str, Callable[[Axes], None]]:
    """By file name, what draws it; only those whose figures are there."""
    curves, made = found.get("curves", {}), dict[str, Callable[[Axes], None]]()
    if rates := found.get("latency", {}).get("by_rate"):
        made["latency-over-rate.svg"] = lambda panel: _latency(panel, rates)
    for name in ("items", "visitors"):
        if points := curves.get(name):
            made[f"throughput-over-{name}.svg"] = lambda panel, name=name, points=points: _throughput(
                panel, name, points
            )
    return made


def draw(found: Results, folder: Path) -> Iterator[str]:
    """Write the pictures into `folder`; their names."""
    for name, fill in pictures(found).items():
        folder.mkdir(parents=True, exist_ok=True)
        with matplotlib.rc_context(STYLE):
            figure = Figure(figsize=(6, 3), layout="constrained")
            fill(figure.subplots())
            figure.savefig(folder / name, format="svg", metadata={"Date": None})
        yield name


def _latency(panel: Axes, by_rate: dict[str, Any]) -> None:
    rates = sorted(map(int, by_rate))
    for name, title in (("p50_ms", "median"), ("p99_ms", "99th percentile")):
        panel.plot(rates, [by_rate[str(rate)][name] for rate in rates], marker="o", label=title)
    panel.set(xscale="log", xlabel="clicks a second", ylabel="click to last answer, ms", ylim=(0, None))
    panel.set_xticks(rates, [f"{rate:,}" for rate in rates])
    panel.minorticks_off()
    panel.grid(alpha=0.3)
    panel.legend()


def _throughput(panel: Axes, name: str, points: list[dict[str, Any]]) -> None:
    sizes = [point[name] for point in points]
    panel.plot(sizes, [point["clicks_per_second"] for point in points], marker="o")
    panel.set(xscale="log", xlabel=name, ylabel="clicks a second, one worker", ylim=(0, None))
    panel.set_xticks(sizes, [f"{size:,}" for size in sizes])
    panel.minorticks_off()
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    panel.grid(alpha=0.3)
