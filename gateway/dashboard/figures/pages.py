"""The pages by name, each a function of what is known and of who looks."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.dashboard.figures.decisions_page import decisions_page
from gateway.dashboard.figures.items_page import DemandFile, items_page
from gateway.dashboard.figures.live_page import live_page
from gateway.dashboard.figures.models_page import models_page
from gateway.dashboard.figures.panels import PagePanel, WindowChoice
from gateway.dashboard.figures.paths_page import PathChoice, paths_page
from gateway.dashboard.figures.quality_page import quality_page

#: Windows that may be chosen, in seconds.
WINDOWS: Final = (60, 300, 900, 3600)


class PageView(NamedTuple):
    """What a page is of, and for whom: the window, the clock (epoch ms), whether inputs may be shown."""

    seconds: int
    now: int
    may_see_inputs: bool
    paths: PathChoice = PathChoice()


class Sources(NamedTuple):
    """What pages are made of."""

    feed: TopicFeed
    demand: DemandFile


def panels_of(page: str, sources: Sources, view: PageView) -> list[PagePanel]:
    """The panels of a page that is in PAGES; the feed stands still meanwhile."""
    feed = sources.feed
    with feed.lock:
        chosen = WindowChoice(feed.window(view.now, view.seconds), view.seconds)
        return PAGES[page](sources, chosen, view)


PAGES: Final[Mapping[str, Callable[[Sources, WindowChoice, PageView], list[PagePanel]]]] = {
    "live": lambda of, chosen, view: live_page(of.feed, chosen, view.may_see_inputs),
    "paths": lambda of, chosen, view: paths_page(of.feed, chosen, view.paths),
    "items": lambda of, chosen, view: items_page(of.feed, chosen, of.demand),
    "decisions": lambda of, chosen, view: decisions_page(of.feed, chosen, view.now),
    "models": lambda of, chosen, view: models_page(of.feed, chosen),
    "quality": lambda of, chosen, view: quality_page(of.feed, chosen),
}
#: All pages with their titles, in the order of the menu.
TITLES: Final = {
    "live": "Live",
    "paths": "Paths",
    "shopper": "Shopper",
    "items": "Items",
    "decisions": "Decisions",
    "models": "Models",
    "quality": "Quality of data",
}
