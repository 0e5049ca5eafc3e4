"""The view's panel of the trainer: what it does, what the gate said last, and which versions answered."""

from itertools import islice

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from deploy.demo import figures
from deploy.demo.board import Board
from deploy.demo.learning import eased

#: Lines of the panel, its borders among them.
LINES = 7
#: Versions that are shown, the newest.
SHOWN = 2


def training(board: Board) -> RenderableType:
    """What becomes of the clicks once they are answered."""
    found = board.retraining
    if found is None:
        return Text()
    state = Text.assemble((f"event log {found.clicks:,} clicks  ", "dim"), (found.state, "bold"))
    state.no_wrap, state.overflow = True, "ellipsis"
    return Panel(
        Group(state, _verdict(board), *_versions(board)),
        title="trainer: learns from the newest clicks",
        title_align="left",
        border_style="grey37",
        padding=(0, 1),
    )


def _verdict(board: Board) -> Text:
    """How the last run ended; before the first has, what the gate will go by. Two lines."""
    ended = board.retraining.ended if board.retraining else []
    if not ended:
        return Text(eased(), style="dim")
    style = "bright_green" if ended[-1].promoted else "yellow"
    return Text(figures.verdict(ended[-1]), style=style)


def _versions(board: Board) -> list[Text]:
    swapped = dict(figures.swaps(board))
    lines = [
        Text.assemble(
            (name.partition("-")[2], "bold"),
            f" {served.clicks:>6,} clicks, top 20 {figures.share(served)}, ",
            (f"swapped in {swapped[name]}" if name in swapped else "the first model", "dim"),
            no_wrap=True,
            overflow="ellipsis",
        )
        for name, served in board.tally.versions.items()
    ]
    return list(islice(reversed(lines), SHOWN))
