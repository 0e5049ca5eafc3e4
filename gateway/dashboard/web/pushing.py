"""Push panels by server-sent events, at most five times a second, made once for all browsers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from gateway.dashboard.figures.pages import PageView, Sources, panels_of
from gateway.dashboard.web.page_rendering import encode_json

#: Least seconds between two pushes of a page.
LEAST_SECONDS: Final = 0.2
#: Seconds between two pushes; a page needs some milliseconds of the processor each time.
EVERY_SECONDS: Final = 1.0
#: Seconds after which a browser connects anew, to whichever gateway is free.
LONGEST_SECONDS: Final = 300.0
#: Different pages, windows and roles that are kept at a time.
MOST_KEPT: Final = 100


class Pushes:
    """The newest push of each page and window. `clock` is the wall clock in epoch ms."""

    def __init__(self, sources: Sources, clock: Callable[[], int], every: float = EVERY_SECONDS) -> None:
        self._sources, self._clock = sources, clock
        self._every = max(LEAST_SECONDS, every)
        self._made: dict[tuple[str, PageView], tuple[float, asyncio.Future[bytes]]] = {}

    async def latest(self, page: str, view: PageView) -> bytes:
        """The JSON of a page's panels, no older than the time between two pushes; `view.now` is ignored."""
        key, now = (page, view._replace(now=0)), time.monotonic()
        made = self._made.get(key)
        if made is None or now - made[0] >= self._every:
            task = asyncio.ensure_future(asyncio.to_thread(self._make, page, view))
            made = self._made[key] = (now, task)
            for old in list(self._made)[: max(0, len(self._made) - MOST_KEPT)]:
                del self._made[old]
        # Others wait for the same page: one whose browser goes away must not take it from them.
        return await asyncio.shield(made[1])

    def _make(self, page: str, view: PageView) -> bytes:
        panels = panels_of(page, self._sources, view._replace(now=self._clock()))
        return encode_json({"panels": panels, "state": state_text(self._sources)})

    async def stream(self, page: str, view: PageView, may: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Server-sent events while `may` says so; nothing is sent where nothing has changed."""
        end, sent = time.monotonic() + LONGEST_SECONDS, b""
        yield b"retry: 2000\n\n"
        while time.monotonic() < end and may():
            content = await self.latest(page, view)
            if content != sent:
                sent = content
                yield b"data: " + content + b"\n\n"
            await asyncio.sleep(self._every)


def state_text(sources: Sources) -> str:
    """How far reading is, in one sentence."""
    feed = sources.feed
    if feed.trouble:
        return feed.trouble
    missing = f" Not on the broker: {', '.join(feed.missing)} (pathcast topics)." if feed.missing else ""
    if feed.behind > 1_000:
        return f"Reads the past: {feed.behind:,} records to go.{missing}"
    return f"Up to date.{missing}"
