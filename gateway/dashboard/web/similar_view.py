"""Similar items on the page Items.

They are looked up when the page is opened and are not pushed, since only a new version of the model changes
them.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.dashboard.figures.panels import NONE, PagePanel, decimal_text, table_panel
from gateway.dashboard.web.page_rendering import PageOptions
from gateway.lookups.item_lookups import SimilarItems

#: The items most alike an item, as `/v1/items/{item_id}/similar` finds them.
Similar = Callable[[str], SimilarItems]
#: Characters of an item's id.
MOST_CHARS: Final = 256
NO_LOOKUP: Final = (
    "This gateway loads no model, so it knows no similar items: see `PATHCAST_GATEWAY_PREDICT`."
)
NO_MODEL: Final = "No model is in use yet: announce one (`pathcast train --announce`)."
NO_ITEM: Final = "Enter an item's id above, under Similar to, and press Show."
UNKNOWN: Final = "The model in use does not know this item: it is new, or misspelt."


class SimilarView:
    """Adds the panel; `similar` None: this gateway loads no model."""

    def __init__(self, similar: Similar | None) -> None:
        self._similar = similar

    async def options(self, options: PageOptions, item: str) -> PageOptions:
        """The page's options with the items most alike `item`; empty: none was asked for."""
        asked = item.strip()[:MOST_CHARS]
        return options._replace(item=asked, below=[await asyncio.to_thread(self._panel, asked)])

    def _panel(self, item: str) -> PagePanel:
        found = SimilarItems("", None) if self._similar is None or not item else self._similar(item)
        rows = [
            [str(place), one["item_id"], *_described(one), decimal_text(one["score"], 3)]
            for place, one in enumerate(found.items or (), start=1)
        ]
        of = f"now, by version {found.version}" if found.version else "now"
        columns = ("place", "item", "title", "category", "price", "cosine")
        return table_panel("similar", "Similar items", of, columns, "rlllrr", rows, self._empty(item, found))

    def _empty(self, item: str, found: SimilarItems) -> str:
        if self._similar is None:
            return NO_LOOKUP
        return NO_ITEM if not item else UNKNOWN if found.version else NO_MODEL


def _described(one: dict[str, object]) -> list[str]:
    price = one.get("price")
    return [
        str(one.get("title", NONE)),
        str(one.get("category", NONE)),
        decimal_text(price if isinstance(price, int | float) else None),
    ]
