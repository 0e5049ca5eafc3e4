"""What scoring costs on this machine's CPU, without a broker: microseconds an event, part by part."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from statistics import median

import torch

from models.contract.events import Click
from models.features import features
from models.features.batch import Batch, Batcher
from models.features.vocabulary import Vocabulary
from models.network.encoders import ENCODERS
from models.network.network import Config, Network
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.visitor import KEPT_CODES, Visitor
from tests.scoring import real_clicks, vocabulary

#: Events of a batch, each of another visitor.
BATCH = 256
#: Clicks of the shipped log to take visitors from: enough for a batch of sessions under way.
CLICKS = 6_000
#: Which version made the states of the batch's visitors.
MODEL = 7


@dataclass(frozen=True)
class Cost:
    """`work` makes what is timed, a call of which scores `events` events; `goal` in microseconds an event."""

    title: str
    work: Callable[[], Callable[[], object]]
    events: int = BATCH
    goal: float | None = None


@cache
def _log() -> tuple[list[Click], Vocabulary]:
    clicks = real_clicks(CLICKS)
    return clicks, vocabulary(clicks, 1_000)


def encoder_step(name: str, full: bool) -> Callable[[], object]:
    """From a batch's codes and visitors' records to states, by an encoder of its default shape.

    Visitors are in the midst of a session of the log, or of one of which 50 clicks are kept (`full`).
    """
    _, words = _log()
    network = Network(Config(words.sizes.items, len(features.NAMES), words.sizes.item_buckets, encoder=name))
    serving = network.eval().requires_grad_(False).serving(words.rows)
    with torch.inference_mode():
        _, kept = serving.states(_batch(b"", full), MODEL)
        batch = _batch(kept[0].tobytes(), full)

    @torch.inference_mode()
    def scored() -> object:
        return serving.states(batch, MODEL)

    return scored


def _batch(hidden: bytes, full: bool) -> Batch:
    """One more click of BATCH visitors who have clicked in this session, with states of `hidden`."""
    clicks, _ = _log()
    batcher, visitors = Batcher(), _visitors(clicks)
    for (visitor, click), _ in zip(visitors, range(BATCH), strict=False):
        if full:
            visitor.codes = (visitor.codes * KEPT_CODES)[-KEPT_CODES * 16 :]
            visitor.in_session = max(visitor.in_session, KEPT_CODES)
        visitor.remember(hidden, MODEL)
        slot = batcher.visitor(visitor)
        known, facts = step(visitor, click, click.ts, SessionConfig())
        batcher.click(slot, facts.code, facts.position, features.row(known, click, facts))
    return batcher.build()


def _visitors(clicks: list[Click]) -> Iterator[tuple[Visitor, Click]]:
    """Visitors in the midst of a session, and their next click."""
    sessions: dict[str, list[Click]] = {}
    for click in clicks:
        sessions.setdefault(click.visitor_id, []).append(click)
    for session in sessions.values():
        visitor: Visitor | None = None
        for click in session[: len(session) // 2]:
            visitor, _ = step(visitor, click, click.ts, SessionConfig())
        if visitor is not None:
            yield visitor, session[len(session) // 2]


#: What is measured, in order: a further figure of the scoring path is a line here.
COSTS: list[Cost] = [
    *(
        Cost(f"encoder step, {name}", partial(encoder_step, name, False), goal=3.0 if name == "gru" else None)
        for name in ENCODERS
    ),
    *(
        Cost(f"encoder step, {name}, {KEPT_CODES} clicks kept", partial(encoder_step, name, True))
        for name in ENCODERS
    ),
]


def scoring(seconds: float, say: Callable[[str], None]) -> dict[str, dict[str, float | None]]:
    """`us` an event and `goal` of each of COSTS: the median over `seconds` of calls."""
    found: dict[str, dict[str, float | None]] = {}
    for cost in COSTS:
        spent = timed(cost.work(), seconds) / cost.events * 1e6
        say(f"scoring: {cost.title} {spent:.1f} µs an event")
        found[cost.title] = {"us": spent, "goal": cost.goal}
    return found


def timed(call: Callable[[], object], seconds: float) -> float:
    """Seconds of a call, the median of as many as fit in `seconds`, at least five."""
    taken: list[float] = []
    ends = time.perf_counter() + seconds
    while len(taken) < 5 or time.perf_counter() < ends:
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return median(taken)
