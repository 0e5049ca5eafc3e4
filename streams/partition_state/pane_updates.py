"""The changes of a chunk to the panes, and to popularity."""

from models.state import panes, state_keys
from models.state.panes import MovedPane, PaneConfig
from streams.effects import Work


class PaneUpdates:
    """Collects changes while clicks are stepped; call `changes` once, then `moved`."""

    def __init__(self, config: PaneConfig) -> None:
        self.collector = panes.Collector(config)
        self._config = config
        self._expired: list[tuple[bytes, bytes]] = []

    def changes(self, work: Work, watermark: int) -> list[tuple[bytes, bytes | None]]:
        """New values of the panes touched, and the deletion of those that expired."""
        merged = self.collector.merge(work.state.get, watermark)
        self._expired = panes.expired(work.state.scan, work.watermark, watermark, self._config)
        return [*merged, *((key, None) for key, _ in self._expired)]

    def moved(self) -> list[MovedPane]:
        """Item panes that changed or expired."""
        expired = [pair for pair in self._expired if pair[0].startswith(state_keys.ITEM_PANE)]
        return [*self.collector.moved, *((key, value, None) for key, value in expired)]
