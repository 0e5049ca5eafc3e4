"""A partition's store beneath the changes of cycles that are processed but not committed yet."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge

from streams.storage.partition_store import PartitionStore, Persisted

Pair = tuple[bytes, bytes | None]


class UncommittedState:
    """Reads see the latest changes; the store gets them once they are committed, in order.

    One thread adds and settles, another may read: it sees a change in memory until the store has it.
    """

    def __init__(self, store: PartitionStore) -> None:
        self.store = store
        #: Changes in the order in which they were made, not yet in the store.
        self._layers: deque[Mapping[bytes, bytes | None]] = deque()

    def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Values of `keys`, None where there is none."""
        if not self._layers:
            return self.store.get(keys)
        changed = self._changed(keys)
        rest = [key for key in keys if key not in changed]
        found = dict(zip(rest, self.store.get(rest), strict=True)) | changed
        return [found[key] for key in keys]

    def _changed(self, keys: Iterable[bytes]) -> dict[bytes, bytes | None]:
        """The latest changes of `keys`."""
        wanted, layers = set(keys), tuple(self._layers)
        return {key: layer[key] for layer in layers for key in wanted & layer.keys()}

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterable[tuple[bytes, bytes]]:
        """Pairs under `prefix` in key order, from the key `start` on."""
        layers = tuple(self._layers)
        changed = {
            key: value
            for layer in layers
            for key, value in layer.items()
            if key.startswith(prefix) and key >= start
        }
        stored = self.store.scan(prefix, start)
        return _merged(stored, changed) if changed else stored

    def add(self, changes: Iterable[Pair]) -> None:
        """Let reads see further changes (None deletes)."""
        self._layers.append(dict(changes))

    def latest(self, layers: int) -> Mapping[bytes, bytes | None]:
        """The changes of the last `layers` calls of `add` as one; as a rule that is one call."""
        if layers == 1:
            return self._layers[-1]
        made: dict[bytes, bytes | None] = {}
        for number in range(len(self._layers) - layers, len(self._layers)):
            made.update(self._layers[number])
        return made

    def settle(self, layers: int, changes: Mapping[bytes, bytes | None], persisted: Persisted) -> None:
        """The oldest `layers`, `changes` as one, are committed: move them to the store."""
        self.store.write(changes.items(), persisted)
        for _ in range(layers):
            self._layers.popleft()


def _merged(
    stored: Iterable[tuple[bytes, bytes]], changed: Mapping[bytes, bytes | None]
) -> Iterator[tuple[bytes, bytes]]:
    kept = (pair for pair in stored if pair[0] not in changed)
    made = sorted((key, value) for key, value in changed.items() if value is not None)
    return iter(merge(kept, made))
