"""The session risk after each click of synthetic visits, of people and of bots
(`trainer.experiments.risk_visits`).

    python -m trainer.experiments.risk_journeys

prints the table of `docs/models/journeys.md`, with the dwell times of the shipped log.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.contract.events import Click
from models.features import features
from models.features.batch import Batcher
from models.network.risk import risk
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.visitor import Visitor
from trainer.experiments.risk_visits import BURSTS, MACHINES, MISTAKEN, PATIENT, PEOPLE
from trainer.fitting.head_losses import risk_ratios
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log

SHIPPED: Final = Path(__file__).parents[2] / "deploy" / "data" / "rees46_electronics.csv.gz"
START: Final = 1_700_000_000_000


def clicks(text: str, name: str = "visitor") -> Iterator[Click]:
    """The clicks of a visit; items, pages and searches differ from click to click."""
    words, at = [*text.split(), "0"], 0.0
    for number, (event, wait) in enumerate(zip(words[::2], words[1::2], strict=False)):
        yield Click(
            event_id=f"{name}-{number}",
            visitor_id=name,
            ts=START + round(1000 * at),
            event=event,
            item_id=f"item-{number}" if event not in ("page_view", "search", "login") else None,
            page=f"/{number}",
        )
        at += float(wait)


def risks(text: str, ratios: NDArray[np.float32]) -> NDArray[np.float32]:
    """The risk after each click of a visit, by the session step and the risk table of serving."""
    visitor: Visitor | None = None
    batcher, config = Batcher(), SessionConfig()
    slot = batcher.visitor(None)
    for click in clicks(text):
        visitor, facts = step(visitor, click, click.ts, config)
        batcher.click(slot, facts.code, facts.position, features.row(visitor, click, facts))
    return risk(batcher.build(), ratios)


def rows(ratios: NDArray[np.float32]) -> list[str]:
    """The table of the documentation as lines of Markdown."""
    lines = ["| visit | clicks | risk at the click | highest | last |", "|---|---|---|---|---|"]
    for name, text in {**PEOPLE, **BURSTS, **MACHINES, **MISTAKEN, **PATIENT}.items():
        risk_at = risks(text, ratios)
        shown = " ".join(f"{one:.3f}".lstrip("0") for one in risk_at[:12])
        more = " ..." if len(risk_at) > 12 else ""
        lines.append(f"| {name} | {len(risk_at)} | {shown}{more} | {risk_at.max():.3f} | {risk_at[-1]:.3f} |")
    return lines


if __name__ == "__main__":
    sys.stdout.write(
        "\n".join(rows(risk_ratios(replay_log(read_log([SHIPPED])).examples().grouped()))) + "\n"
    )
