"""The live view of the board, for terminals of at least 90 x 28 characters."""

import time
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.demo import demo_figures
from deploy.demo.board import Board
from deploy.demo.demo_figures import BLOCKS
from deploy.demo.demo_training import training
from deploy.demo.paths import decisions, following, next_items

ACCENT = "bright_cyan"
TIER_COLOURS = {
    "neural": "bright_green",
    "session_knn": "yellow",
    "popular_in_category": "dark_orange",
    "popular": "red",
}
#: Number of latest answers whose latency is shown: about a minute.
RECENT = 3_000
FUNNEL = ("view_item", "add_to_cart", "purchase")


class View:
    """Renders the board; remembers clicks per second for the sparkline."""

    def __init__(self, board: Board, where: str) -> None:
        self._board, self._where = board, where
        self._rates: list[float] = []
        self._sampled = 0.0

    def render(self, height: int) -> Layout:
        """The whole screen, `height` lines high."""
        with self._board.lock:
            self._sample()
            left = Layout(self._left(), size=33)
            right = Layout()
            right.split_column(*self._right(height - 3))
            body = Layout()
            body.split_row(left, right)
            screen = Layout()
            screen.split_column(Layout(self._header(), size=2), body, Layout(self._footer(), size=1))
            return screen

    def _right(self, height: int) -> list[Layout]:
        """The panels, from the visitor's path, which gets the remaining lines, down to the trainer."""
        board = self._board
        low = height < 36
        lines = 0 if board.retraining is None else 7 if low else 8
        listed = 3 if lines and low else 5
        shown = max(4, min(10, (height - 13) // 3))
        left = height - (listed + 2) - (shown + 4) - lines
        return [
            Layout(following(board, left)),
            Layout(next_items(board, listed), size=listed + 2),
            Layout(decisions(board, shown), size=shown + 4),
            *([Layout(training(board), size=lines)] if lines else []),
        ]

    def _sample(self) -> None:
        now = time.time()
        if now - self._sampled >= 1.0:
            self._rates.append(demo_figures.rate(self._board.arrivals, now))
            self._sampled = now

    def _header(self) -> RenderableType:
        title = Text.assemble(
            (" Pathcast", f"bold {ACCENT}"), ("  where each shopper's path leads, click by click", "bold")
        )
        learned = "1 to 7 January" if self._board.retraining else "January"
        source = f" Real clicks (REES46): all days of February at once; the first model knows {learned}"
        return Group(title, Text(source, style="dim", no_wrap=True, overflow="ellipsis"))

    def _footer(self) -> RenderableType:
        return Text(
            f" Ctrl-C stops everything   {self._where}", style="dim", no_wrap=True, overflow="ellipsis"
        )

    def _left(self) -> RenderableType:
        return Group(
            _panel("flow", self._flow()), _panel("shop", self._shop()), _panel("answers by", self._tiers())
        )

    def _flow(self) -> RenderableType:
        board, latency = self._board, demo_figures.latency(list(self._board.latencies)[-RECENT:])
        rows: list[tuple[str, RenderableType]] = [
            ("clicks/s", Text(f"{self._rates[-1] if self._rates else 0:,.0f}", style=f"bold {ACCENT}")),
            (
                "",
                Text(
                    demo_figures.sparkline(self._rates[-16:], 1.3 * max(self._rates, default=1)), style=ACCENT
                ),
            ),
            ("clicks", f"{board.counts['clicks']:,}"),
            ("answers", f"{demo_figures.answers(board):,}"),
            ("under way", f"{board.tally.unanswered:,}, twice {board.tally.twice:,}"),
            ("refused", demo_figures.refused(board)),
            ("lag", "-" if board.lag is None else f"{board.lag:,} clicks"),
            ("latency p50", Text(f"{latency.p50:,.0f} ms", style="bold")),
            ("latency p99", Text(f"{latency.p99:,.0f} ms", style="bold")),
        ]
        return _pairs(rows)

    def _shop(self) -> RenderableType:
        board = self._board
        most = max([1, *(board.events[name] for name in FUNNEL)])
        table = Table.grid(padding=(0, 1))
        for name in FUNNEL:
            bar = BLOCKS[-1] * max(1, round(9 * board.events[name] / most)) if board.events[name] else ""
            table.add_row(name, Text(f"{board.events[name]:,}", justify="right"), Text(bar, style=ACCENT))
        clock = time.strftime("%H:%M", time.gmtime(board.shop_time / 1000)) if board.shop_time else "-"
        table.add_row(Text("shop's clock", style="dim"), Text(clock, justify="right"), "")
        seen, clicked = board.simulated["view_promotion"], board.simulated["select_promotion"]
        note = Text(f"made-up outcomes:\n{seen:,} shown, {clicked:,} clicked", style="dim")
        return Group(table, note)

    def _tiers(self) -> RenderableType:
        board, total = self._board, max(1, self._board.tiers.total())
        table = Table.grid(padding=(0, 1))
        for tier, count in board.tiers.most_common():
            share = Text(f"{100 * count / total:.1f} %", style=f"bold {TIER_COLOURS.get(tier, '')}")
            table.add_row(tier.replace("_", " "), share)
        version = board.model.partition("-")
        table.add_row(Text("model", style="dim"), Text(version[2] or "none yet"))
        hit = f"{100 * board.hits / board.tries:.0f} %" if board.tries else "-"
        table.add_row(Text("next in top 20", style="dim"), Text(hit, style="bold"))
        return table


def _panel(title: str, inside: RenderableType) -> Panel:
    return Panel(inside, title=title, title_align="left", border_style="grey37", padding=(0, 1))


def _pairs(rows: Sequence[tuple[str, RenderableType]]) -> Table:
    table = Table.grid(padding=(0, 1))
    for name, value in rows:
        table.add_row(Text(f"{name:<12}", style="dim"), value)
    return table
