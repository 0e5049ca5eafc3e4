"""Sample clicks of all shapes, by which a version is warmed up before its first answer."""

from collections.abc import Sequence
from typing import Final

from models.contract.events import EVENTS, Click
from models.features import features
from models.features.batch import Batch, Batcher
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.visitor import Visitor

#: Sessions under way in a chunk.
VISITORS: Final = 20
_BEGAN, _PAUSE_MS = 1_700_000_000_000, 5_000
#: Clicks of a session: one of each event.
LENGTH: Final = len(EVENTS)


def session_under_way(names: Sequence[str], number: int) -> Visitor:
    """A visitor whose session has one click of each event, on items `names`."""
    visitor: Visitor | None = None
    for place in range(LENGTH):
        click = _click(names, number, place)
        visitor, _ = step(visitor, click, click.ts, SessionConfig())
    assert visitor is not None
    return visitor


def one_click(names: Sequence[str]) -> Batch:
    """The first click of a new visitor."""
    batcher = Batcher()
    _continued(batcher, None, _click(names, 0, 0))
    return batcher.build()


def chunk(names: Sequence[str]) -> Batch:
    """Next clicks of sessions under way, whose hidden states are of another version, and first clicks."""
    batcher = Batcher()
    for number in range(VISITORS):
        visitor = session_under_way(names, number)
        _continued(batcher, visitor, *(_click(names, number, place) for place in range(LENGTH, 2 * LENGTH)))
        _continued(batcher, None, _click(names, number, 0))
    return batcher.build()


def _continued(batcher: Batcher, visitor: Visitor | None, *clicks: Click) -> None:
    slot = batcher.visitor(visitor)
    for click in clicks:
        visitor, facts = step(visitor, click, click.ts, SessionConfig())
        batcher.click(slot, facts.code, facts.position, features.row(visitor, click, facts))


def _click(names: Sequence[str], number: int, place: int) -> Click:
    """A visitor's click number `place`; every third names no item."""
    item = names[(number * 7 + place) % len(names)] if names and place % 3 else None
    return Click(
        event_id=f"{number}-{place}",
        visitor_id=str(number),
        ts=_BEGAN + place * _PAUSE_MS,
        event=EVENTS[place % LENGTH],
        item_id=item,
        page=None if item else f"/{place}",
        price=9.5,
    )
