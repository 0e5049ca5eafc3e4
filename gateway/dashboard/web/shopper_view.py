"""The page Shopper asks workers and topics for one visitor. The id comes in a form, never in an address."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from aiokafka.errors import KafkaError
from fastapi import Response

from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.dashboard.feeds.visitor_history import VisitorRecords
from gateway.dashboard.figures.pages import TITLES
from gateway.dashboard.figures.panels import PagePanel
from gateway.dashboard.figures.shopper_page import shopper_page
from gateway.dashboard.web.page_rendering import encode_json, html
from models.errors import PathcastError

#: Characters of a visitor id.
MOST_CHARS: Final = 256
#: Visitors who are looked for at a time; each search reads thousands of records.
MOST_AT_ONCE: Final = 2
#: Seconds after which one who came too many may ask again.
AGAIN_SECONDS: Final = 5
BUSY: Final = f"{MOST_AT_ONCE} visitors are looked for already: find again in {AGAIN_SECONDS} seconds."


class Histories(Protocol):
    """Reads a visitor's records from the topics."""

    async def read(self, visitor: str) -> VisitorRecords:
        """Records by role. Raises KafkaError, or OSError."""
        ...


#: What the visitor's worker says, with the explanation of the latest answers; None: there is no such visitor.
Find = Callable[[str], Awaitable[dict[str, Any] | None]]


#: Sentences by event id: what moved the probability after clicks, which are the oldest first.
Reasons = Callable[[Sequence[Mapping[str, Any]]], Awaitable[dict[str, str]]]


class ShopperView:
    """Finds one visitor. `minutes` is how far back topics are read; `reasons` None: no model is loaded."""

    def __init__(
        self,
        feed: TopicFeed,
        history: Histories,
        find: Find,
        minutes: float,
        reasons: Reasons | None = None,
    ) -> None:
        self._feed, self._history, self._find, self._reasons = feed, history, find, reasons
        self._window = f"last {minutes:g} min by the records' times"
        self._searches = 0

    def empty(self, by_cookie: bool) -> Response:
        """The form."""
        return self._html("", [], "", by_cookie)

    async def page(self, visitor: str, by_cookie: bool) -> Response:
        """What is known of a visitor."""
        if not 0 < len(visitor) <= MOST_CHARS:
            told = f"The id has {len(visitor)} characters, expected 1 to {MOST_CHARS}."
            return self._html("", [], told, by_cookie)
        if self._searches >= MOST_AT_ONCE:
            busy = self._html(visitor, [], BUSY, by_cookie, 429)
            busy.headers["Retry-After"] = str(AGAIN_SECONDS)
            return busy
        self._searches += 1
        try:
            return await self._found(visitor, by_cookie)
        finally:
            self._searches -= 1

    async def _found(self, visitor: str, by_cookie: bool) -> Response:
        known, records = await asyncio.gather(
            self._find(visitor), self._history.read(visitor), return_exceptions=True
        )
        if isinstance(records, KafkaError | OSError):
            told = f"The topics cannot be read ({records}): check that Kafka is up, then find again."
            return self._html(visitor, [], told, by_cookie)
        if isinstance(records, BaseException):
            raise records
        told = "" if records.whole else "Not all records of that time were read: the figures may lack some."
        profile, told = _answer(known, told)
        reasons = await self._reasons(records.by_role["clicks"]) if self._reasons else {}
        with self._feed.lock:
            shown = shopper_page(self._feed, records, profile, self._window, reasons)
        return self._html(visitor, shown, told, by_cookie)

    def _html(
        self, visitor: str, shown: list[PagePanel], told: str, by_cookie: bool, status: int = 200
    ) -> Response:
        first = encode_json(shown).decode()
        values: dict[str, Any] = {
            "visitor": visitor,
            "shown": shown,
            "told": told,
            "by_cookie": by_cookie,
            "first": first,
        }
        return html("shopper.html", "shopper", TITLES["shopper"], status, **values)


def _answer(found: dict[str, Any] | BaseException | None, told: str) -> tuple[dict[str, Any] | None, str]:
    """A worker's answer, or why there is none."""
    if isinstance(found, PathcastError):
        return None, told or str(found)
    if isinstance(found, BaseException):
        raise found
    return found, told
