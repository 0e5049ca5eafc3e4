"""The right half of the view: the followed visitor, recommended items, and decisions."""

import time
from itertools import islice

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.demo import demo_figures
from deploy.demo.board import NOTHING, Board
from deploy.demo.followed import PathStep
from models.contract.predictions import AdDecision

BAR = 16
NUMBERS = frozenset({"propensity", "buys"})
MARKS = {
    "view_item": ("view", "white"),
    "add_to_cart": ("cart", "bright_yellow"),
    "purchase": ("buys", "bold bright_green"),
}
OUTCOMES = {"view_promotion": "shown", "select_promotion": "clicked"}
#: Probability of a full bar: most are far below one.
LEAST_SCALE = 0.25


def following(board: Board, rows: int) -> RenderableType:
    """The path of one visitor, latest click last, in `rows` lines including borders."""
    path = board.path
    steps, known = list(path.steps.values()), path.probabilities()
    if not steps:
        return _panel(
            "one visitor's path", Text("waiting for a visitor whose path is worth following ...", style="dim")
        )
    scale = max([LEAST_SCALE, *known])
    line = Text.assemble(
        ("purchase in this session ", "dim"),
        (demo_figures.sparkline(known[-20:], scale), _heat(known[-1] / scale if known else 0)),
        (f" {100 * known[-1]:.1f} %" if known else "", "bold"),
        ("   bought" if path.bought else "", "bold bright_green"),
    )
    table = Table.grid(padding=(0, 1))
    for step in steps[-max(1, rows - 3) :]:
        table.add_row(*_step(board, step, scale))
    before = _earlier(board, rows - 5 - len(steps))
    return _panel(f"visitor {path.visitor}, click {len(steps)}", Group(line, table, *before))


def _earlier(board: Board, rows: int) -> list[RenderableType]:
    """Finished paths, one line each, as many as fit."""
    lines = [
        Text.assemble(
            (f"visitor {path.visitor}, {len(path.steps):>2} clicks ", "dim"),
            (demo_figures.sparkline(path.probabilities()[-30:], LEAST_SCALE), "cyan"),
            ("  bought" if path.bought else "", "green"),
        )
        for path in islice(board.earlier, max(0, rows))
    ]
    return [Text(), Text("earlier paths", style="dim"), *lines] if lines else []


def _step(board: Board, step: PathStep, scale: float) -> tuple[RenderableType, ...]:
    click, probability = step.click, step.probability
    mark, style = MARKS.get(click.event, (click.event, "white"))
    share = 0.0 if probability is None else probability / scale
    item = Text(board.log.names.get(click.item_id or "", ""), no_wrap=True, overflow="ellipsis")
    if step.expected:
        item.stylize("underline")
    return (
        Text(time.strftime("%H:%M:%S", time.gmtime(click.ts / 1000)), style="dim"),
        Text(mark, style=style),
        Text("..." if probability is None else f"{100 * probability:5.1f} %"),
        Text(f"{demo_figures.bar(share, BAR):<{BAR}}", style=_heat(share)),
        item,
    )


def _heat(share: float) -> str:
    return "bright_green" if share > 0.66 else "yellow" if share > 0.33 else "cyan"


def next_items(board: Board, rows: int) -> RenderableType:
    """The first `rows` items recommended after the followed visitor's last click."""
    table = Table.grid(padding=(0, 1))
    for place, (item, score) in enumerate(islice(board.path.items, rows), start=1):
        name = Text(board.log.names.get(item, f"#{item}"), no_wrap=True, overflow="ellipsis")
        table.add_row(Text(f"{place}.", style="dim"), name, Text(f"{score:.3g}", style="dim"))
    return _panel("likely next; underlined above: was among the 20", table)


def decisions(board: Board, rows: int) -> RenderableType:
    """The latest decisions other than `none`, newest first."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", show_edge=False)
    for title in ("action", "propensity", "buys", "visitor", "stage", "outcome"):
        table.add_column(title, no_wrap=True, justify="right" if title in NUMBERS else "left")
    for decision in islice(reversed(board.decisions), rows):
        table.add_row(*_decision(board, decision))
    total = max(1, board.actions.total())
    nothing = f"{100 * board.actions[NOTHING] / total:.0f} % do nothing"
    return _panel(f"decisions: {nothing}; ~ explores; outcomes are made up", table)


def _decision(board: Board, decision: AdDecision) -> tuple[RenderableType, ...]:
    outcome = OUTCOMES.get(board.outcomes.get(decision.decision_id, ""), "")
    return (
        Text.assemble(("~ " if decision.explored else "  ", "magenta"), (decision.action, "bold")),
        f"{decision.propensity:.3f}",
        f"{100 * decision.context.purchase_probability:.1f} %",
        Text(decision.visitor_id, style="bright_cyan" if decision.visitor_id == board.path.visitor else ""),
        decision.context.stage,
        Text(outcome, style="bright_green" if outcome == "clicked" else "dim"),
    )


def _panel(title: str, inside: RenderableType) -> Panel:
    return Panel(inside, title=title, title_align="left", border_style="grey37", padding=(0, 1))
