"""The changes of a chunk to the panes, and to popularity."""

from collections.abc import Iterator

from models.state import panes, state_keys
from models.state.panes import PaneConfig
from streams.effects import Work


class PaneUpdates:
    """Collects changes while clicks are stepped; call `changes` once, then `moved`."""

    def __init__(self, config: PaneConfig) -> None:
        self.collector = panes.Collector(config)
        self._config = config
        self._merged: list[tuple[bytes, bytes]] = []
        self._expired: list[tuple[bytes, bytes]] = []

    def changes(self, work: Work, watermark: int) -> list[tuple[bytes, bytes | None]]:
        """New values of the panes touched, and the deletion of those that expired."""
        self._merged = self.collector.merge(work.state.get, watermark)
        self._expired = panes.expired(work.state.scan, work.watermark, watermark, self._config)
        return [*self._merged, *((key, None) for key, _ in self._expired)]

    def moved(self) -> Iterator[tuple[bytes, bytes | None, bytes | None]]:
        """Item panes that changed: key, value before (None: new) and after (None: expired)."""
        before = dict(self.collector.replaced)
        for key, value in self._merged:
            if key.startswith(state_keys.ITEM_PANE):
                yield key, before.get(key), value
        for key, value in self._expired:
            if key.startswith(state_keys.ITEM_PANE):
                yield key, value, None
