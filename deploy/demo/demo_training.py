"""The panel of the trainer: what it does, the gate's last verdict, and which versions answered."""

from itertools import islice

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from deploy.demo import demo_figures
from deploy.demo.board import Board
from deploy.demo.learning import eased
from deploy.demo.tally import Served

#: Number of versions shown, the newest ones.
SHOWN = 2


def training(board: Board) -> RenderableType:
    """How answered clicks are used for training."""
    found = board.retraining
    if found is None:
        return Text()
    state = Text.assemble((f"event log {found.clicks:,} clicks  ", "dim"), (found.state, "bold"))
    state.no_wrap, state.overflow = True, "ellipsis"
    # The sentence comes last because it may be cut.
    return Panel(
        Group(state, *_versions(board), *_policy(board), _verdict(board)),
        title="trainer: learns from the newest clicks",
        title_align="left",
        border_style="grey37",
        padding=(0, 1),
    )


def _verdict(board: Board) -> Text:
    """The result of the last run; before the first one, the gate's thresholds."""
    ended = board.retraining.ended if board.retraining else []
    if not ended:
        return Text(eased(), style="dim")
    style = "bright_green" if ended[-1].promoted else "yellow"
    return Text(demo_figures.verdict(ended[-1]), style=style)


def _policy(board: Board) -> list[Text]:
    """The policy run under way, else the result of the last one; nothing before the first."""
    found = board.retraining
    if found is None or not (found.teaching or found.policies):
        return []
    said = found.teaching or f"policy {demo_figures.verdict(found.policies[-1])}"
    return [Text(f"{said} (simulated)", no_wrap=True, overflow="ellipsis")]


def _versions(board: Board) -> list[Text]:
    lines = [_version(board, name, served) for name, served in board.tally.versions.items()]
    return list(islice(reversed(lines), SHOWN))


def _version(board: Board, name: str, served: Served) -> Text:
    swapped = name in dict(demo_figures.swaps(board))
    since = f"swapped in after {served.since - board.started:.0f} s" if swapped else "the first model"
    return Text.assemble(
        (name.partition("-")[2], "bold"),
        f" {served.clicks:>6,} clicks, top 20 {demo_figures.share(served)}, ",
        (since, "dim"),
        no_wrap=True,
        overflow="ellipsis",
    )
