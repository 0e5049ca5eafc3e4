"""Numbers for the screen: rates, latencies, bars and sparklines."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from deploy.demo.board import Board
from deploy.demo.retraining import RunEnded
from deploy.demo.tally import Served
from streams.config.topics import ANSWERS

BLOCKS = "▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉█"
RATE_SECONDS = 3.0
#: The time of a version's training, in its name.
_MADE_AT = re.compile(r"\b\d{8}T\d{6}-")


class Latency(NamedTuple):
    """Milliseconds from producing a click to reading its answer."""

    p50: float
    p99: float


def rate(arrivals: Iterable[float], now: float) -> float:
    """Events per second over the last seconds; `arrivals` are times (s)."""
    return sum(1 for at in list(arrivals) if now - at <= RATE_SECONDS) / RATE_SECONDS


def latency(values: Sequence[float]) -> Latency:
    """Quantiles of the latencies so far (ms); zeros if there are none."""
    if not values:
        return Latency(0.0, 0.0)
    p50, p99 = np.percentile(np.fromiter(values, float), (50, 99))
    return Latency(float(p50), float(p99))


def answers(board: Board) -> int:
    """All answers read so far."""
    return sum(board.counts[role] for role in ANSWERS)


def sparkline(values: Sequence[float], most: float = 0.0) -> str:
    """One character per value; full height is `most`, or else the greatest value."""
    top = max([most, *values, 1e-9])
    return "".join(BLOCKS[min(7, int(8 * max(0.0, value) / top))] for value in values)


def bar(share: float, width: int) -> str:
    """A bar of `width` characters at share 1, to an eighth of a character."""
    eighths = round(8 * width * min(1.0, max(0.0, share)))
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def line(board: Board) -> str:
    """The state in one line, for output without a terminal."""
    with board.lock:
        took, total = latency(board.latencies), max(1, board.tiers.total())
        neural = 100 * board.tiers["neural"] / total
        trainer = f"; trainer: {board.retraining.state}" if board.retraining else ""
        trainer += "".join(f"; swapped to {_short(name)} {moment}" for name, moment in swaps(board))
        lag = board.lag if board.lag is not None else "-"
        return (
            f"{board.counts['clicks']:,} clicks, {answers(board):,} answers, {neural:.1f} % neural, "
            f"p50 {took.p50:.0f} ms, p99 {took.p99:.0f} ms, lag {lag}{trainer}"
        )


def refused(board: Board) -> str:
    """The number of dead letters, and their reasons."""
    reasons = ", ".join(reason for reason, _ in board.refusals.most_common())
    return f"{board.counts['dead_letters']:,} {reasons}".rstrip()


def summary(board: Board) -> list[tuple[str, str]]:
    """A summary of the run, as names and values."""
    took, tiers = (
        latency(board.latencies),
        ", ".join(f"{name} {n:,}" for name, n in board.tiers.most_common()),
    )
    made_up = f", {board.simulated.total():,} of them made-up outcomes"
    hits = f"{100 * board.hits / board.tries:.0f} % of {board.tries:,}" if board.tries else "-"
    return [
        ("clicks", f"{board.counts['clicks']:,}{made_up}"),
        *((role.replace("_", "-"), f"{board.counts[role]:,}") for role in ANSWERS),
        ("without an answer", f"{board.tally.unanswered:,}; answered twice {board.tally.twice:,}"),
        ("dead letters", refused(board)),
        ("answered by", tiers or "-"),
        ("model", board.model or "-"),
        ("next item in the top 20", hits),
        ("click to readable answer", f"median {took.p50:.0f} ms, p99 {took.p99:.0f} ms"),
        *retrained(board),
    ]


def retrained(board: Board) -> list[tuple[str, str]]:
    """What the trainer did, run by run, with the results; empty without a trainer."""
    if board.retraining is None:
        return []
    found = _served(board)
    return [
        ("clicks in the event log", f"{board.retraining.clicks:,}"),
        *(("retrained", verdict(run)) for run in board.retraining.ended),
        ("trainer at the end", board.retraining.state),
        *_swapped(board),
        *_policies(board),
        ("answered by version", ", ".join(f"{_short(v)} {n.clicks:,}" for v, n in found)),
        ("top 20 by version", ", ".join(f"{_short(v)} {share(n)}" for v, n in found)),
    ]


def _swapped(board: Board) -> list[tuple[str, str]]:
    done = [("swapped", f"to {_short(name)} {moment}") for name, moment in swaps(board)]
    why = (
        "the run had not ended" if not board.retraining or not board.retraining.ended else "none was promoted"
    )
    return done or [("swapped", f"to no version yet: {why}; on a busy machine give it more --seconds")]


def _policies(board: Board) -> list[tuple[str, str]]:
    """What became of policy runs: values beside the rules', with intervals; and who decided."""
    ended = board.retraining.policies if board.retraining else []
    deciders = ", ".join(f"{name} {count:,}" for name, count in board.deciders.most_common())
    return [*(("policy", f"{verdict(run)} (simulated)") for run in ended), ("decided by", deciders or "-")]


def verdict(run: RunEnded) -> str:
    """The gate's sentence about a run, with shortened version names."""
    word = "promoted" if run.promoted else "refused"
    return f"{_short(run.version) or 'no version'} {word}: {_MADE_AT.sub('', run.why)}"


def share(served: Served) -> str:
    """The share of next items that were among the 20 recommended ones."""
    return f"{100 * served.hits / served.tries:.0f} %" if served.tries else "-"


def swaps(board: Board) -> Iterator[tuple[str, str]]:
    """Versions that replaced another one, and when; by their answers, not by announcements."""
    for name, served in _served(board)[1:]:
        yield name, f"after {served.since - board.started:.0f} s and {served.after:,} clicks"


def _served(board: Board) -> list[tuple[str, Served]]:
    return list(board.tally.versions.items())


def _short(version: str) -> str:
    """The name of a version without the time of its training."""
    return _MADE_AT.sub("", version)
