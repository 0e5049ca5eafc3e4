"""Numbers for the eye: rates, latencies, bars and sparklines."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from deploy.demo.board import Board

BLOCKS = "▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉█"
RATE_SECONDS = 3.0
ANSWERS = ("purchase_intent", "recommendations", "ad_decisions")


class Latency(NamedTuple):
    """Milliseconds from producing a click to reading its answer."""

    p50: float
    p99: float


def rate(arrivals: Iterable[float], now: float) -> float:
    """Events per second over the last seconds; `arrivals` are times (s)."""
    return sum(1 for at in list(arrivals) if now - at <= RATE_SECONDS) / RATE_SECONDS


def latency(values: Sequence[float]) -> Latency:
    """Of the latencies measured so far (ms); zeros where there is none."""
    if not values:
        return Latency(0.0, 0.0)
    p50, p99 = np.percentile(np.fromiter(values, float), (50, 99))
    return Latency(float(p50), float(p99))


def answers(board: Board) -> int:
    """All answers read so far."""
    return sum(board.counts[role] for role in ANSWERS)


def sparkline(values: Sequence[float], most: float = 0.0) -> str:
    """One character per value; the highest is `most`, or the greatest of them."""
    top = max([most, *values, 1e-9])
    return "".join(BLOCKS[min(7, int(8 * max(0.0, value) / top))] for value in values)


def bar(share: float, width: int) -> str:
    """A bar of `width` characters at share 1, to an eighth of a character."""
    eighths = round(8 * width * min(1.0, max(0.0, share)))
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def line(board: Board) -> str:
    """The state of things in one line, for where there is no terminal."""
    with board.lock:
        took, total = latency(board.latencies), max(1, board.rungs.total())
        neural = 100 * board.rungs["neural"] / total
        return (
            f"{board.counts['clicks']:,} clicks, {answers(board):,} answers, {neural:.1f} % neural, "
            f"p50 {took.p50:.0f} ms, p99 {took.p99:.0f} ms, lag {board.lag if board.lag is not None else '-'}"
        )


def refused(board: Board) -> str:
    """How many inputs became dead letters, and for what reasons."""
    reasons = ", ".join(reason for reason, _ in board.refusals.most_common())
    return f"{board.counts['dead_letters']:,} {reasons}".rstrip()


def summary(board: Board) -> list[tuple[str, str]]:
    """What was seen in all, as names and values."""
    took, rungs = (
        latency(board.latencies),
        ", ".join(f"{name} {n:,}" for name, n in board.rungs.most_common()),
    )
    made_up = f", {board.simulated.total():,} of them made-up outcomes"
    hits = f"{100 * board.hits / board.tries:.0f} % of {board.tries:,}" if board.tries else "-"
    return [
        ("clicks", f"{board.counts['clicks']:,}{made_up}"),
        *((role.replace("_", "-"), f"{board.counts[role]:,}") for role in ANSWERS),
        ("dead letters", refused(board)),
        ("answered by", rungs or "-"),
        ("model", board.model or "-"),
        ("next item in the top 20", hits),
        ("click to readable answer", f"median {took.p50:.0f} ms, p99 {took.p99:.0f} ms"),
    ]
