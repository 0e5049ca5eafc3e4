"""The policy gate's report: `report.json` for programs, `report.md` and `report.png` for people."""

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.durable_files import replace_file
from models.errors import PathcastError


class PolicyReportError(PathcastError):
    """The gate's report cannot be written."""


def keep(folder: Path, figures: Mapping[str, Any], simulated: bool = False) -> None:
    """Write the report into a folder; replaces an older one. Raises PolicyReportError."""
    contents = {
        "report.png": picture(figures, simulated),
        "report.md": text(figures, simulated).encode(),
        "report.json": json.dumps({**figures, "simulated": simulated}, indent=1).encode(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            replace_file(folder / name, content)
    except OSError as error:
        raise PolicyReportError(
            f"cannot write the policy gate's report to {folder}: {error}; make room there or make it writable"
        ) from error


def text(figures: Mapping[str, Any], simulated: bool = False) -> str:
    """The report as Markdown."""
    estimates, reason = figures["estimates"], figures["reason"]
    lines = [f"# {figures['candidate']}: {figures['verdict']}", ""]
    if simulated:
        lines += ["Simulated: shoppers are fitted on a log, effects of actions are assumed.", ""]
    lines += [f"{reason[:1].upper()}{reason[1:].rstrip('.')}.", ""]
    lines += [
        f"Judged on {estimates['decisions']:,} decisions of {estimates['visitors']:,} visitors or sessions; "
        f"{estimates['effective']:,.0f} effective. Incumbent: {figures['incumbent']}.",
        "",
    ]
    return "\n".join([*lines, *_values(figures), "", *_actions(figures), "", *_costs(figures), "", _PICTURE])


_PICTURE = "![](report.png)\n"


def _values(figures: Mapping[str, Any]) -> Iterator[str]:
    estimates = figures["estimates"]
    yield f"| value a {estimates['unit']} | estimate | {figures['level']:.0%} |"
    yield "|---|---|---|"
    for name in ("candidate", "incumbent", "difference"):
        value, low, high = estimates[name]
        yield f"| {name} | {value:.4f} | {low:.4f} to {high:.4f} |"


def _actions(figures: Mapping[str, Any]) -> Iterator[str]:
    yield "| share of decisions | candidate | incumbent | in the log |"
    yield "|---|---|---|---|"
    for name, shares in figures["actions"].items():
        candidate, incumbent, logged = (shares[of] for of in ("candidate", "incumbent", "logged"))
        yield f"| {name} | {candidate:.1%} | {incumbent:.1%} | {logged:.1%} |"


def _costs(figures: Mapping[str, Any]) -> Iterator[str]:
    yield "| in a replay of the log | candidate | incumbent |"
    yield "|---|---|---|"
    replays = [figures["replay"][role] for role in ("candidate", "incumbent")]
    yield f"| decisions with a masked action | {replays[0]['masked']} | {replays[1]['masked']} |"
    yield f"| cost of a decision | {replays[0]['cost']:.4f} | {replays[1]['cost']:.4f} |"
    yield f"| budgets exceeded | {len(replays[0]['overspent'])} | {len(replays[1]['overspent'])} |"


def picture(figures: Mapping[str, Any], simulated: bool = False) -> bytes:
    """A PNG: both values and the lead with their intervals, and the shares of the actions."""
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    _intervals(left, figures)
    _shares(right, figures)
    if simulated:
        figure.suptitle("simulated", fontsize=9)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=100, metadata={"Software": None})
    return drawn.getvalue()


def _intervals(panel: Axes, figures: Mapping[str, Any]) -> None:
    names = ("candidate", "incumbent", "difference")
    for place, name in enumerate(names):
        value, low, high = figures["estimates"][name]
        panel.plot([low, high], [place, place], color="C0")
        panel.plot([value], [place], marker="o", color="C0")
    panel.axvline(0, color="grey", linewidth=1)
    panel.set_yticks(range(len(names)), names)
    panel.set(title=f"value a {figures['estimates']['unit']}")
    panel.invert_yaxis()


def _shares(panel: Axes, figures: Mapping[str, Any]) -> None:
    places = list(range(len(figures["actions"])))
    for shift, name in ((-0.2, "candidate"), (0.2, "incumbent")):
        widths = [shares[name] for shares in figures["actions"].values()]
        panel.barh([place + shift for place in places], widths, height=0.4, label=name)
    panel.set_yticks(places, list(figures["actions"]))
    panel.set(title="share of decisions")
    panel.invert_yaxis()
    panel.legend(fontsize=7)
