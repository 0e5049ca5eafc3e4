"""A Faust table store over RocksDB that writes state, checkpoint and changelog position as one batch."""

import gc
import shutil
import time
from collections.abc import Callable, Iterable
from typing import Any

import rocksdict
from faust.stores import rocksdb

from streams.errors import SetUpError
from streams.storage.partition_store import PartitionStore, Persisted


class Store(rocksdb.Store):  # type: ignore[misc]
    """`fenced://`: writes a chunk of changelog records as one batch and ignores older records."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.partitions: dict[int, PartitionStore] = {}

    def partition(self, number: int) -> PartitionStore:
        """The store of an assigned partition, opened if need be."""
        self._db_for_partition(number)
        return self.partitions[number]

    def _open_for_partition(self, partition: int) -> Any:
        store = self._open(partition)
        if self._is_stale(partition, store.persisted()) or self._is_ahead(partition, store):
            store.close()
            shutil.rmtree(self.partition_path(partition))
            store = self._open(partition)
        self.partitions[partition] = store
        return store.db

    def _open(self, partition: int) -> PartitionStore:
        path = str(self.partition_path(partition))
        try:
            return PartitionStore(rocksdict.Rdict(path, options=self.app.pathcast.database_options()))
        except Exception as error:
            if "lock" in str(error).lower():
                raise
            raise SetUpError(
                f"cannot open {path}: {error}; give the worker a writable datadir of its own"
            ) from error

    def _is_stale(self, partition: int, persisted: Persisted | None) -> bool:
        """Whether a database would revive deletions: of another changelog, or older than its tombstones."""
        if persisted is None:
            return False
        runtime = self.app.pathcast
        age = time.time() * 1000 - persisted.written_at
        stale = persisted.topic_id != runtime.changelog_id or age > runtime.tombstone_retention_ms
        if stale:
            self.log.warning("local state of partition %s is of %s: rebuilding it", partition, persisted)
        return bool(stale)

    def _is_ahead(self, partition: int, store: PartitionStore) -> bool:
        ahead = bool(self.app.pathcast.is_ahead(partition, store))
        if ahead:
            self.log.warning(
                "local state of partition %s has an aborted transaction: rebuilding it", partition
            )
        return ahead

    def persisted_offset(self, tp: Any) -> int | None:
        """Last changelog offset in the local database (faust.tables.recovery starts there)."""
        persisted = self.partition(tp.partition).persisted()
        return persisted.offset if persisted else None

    def set_persisted_offset(self, tp: Any, offset: int) -> None:
        """Do nothing: the position is written with the data, not by Faust."""

    def apply_changelog_batch(
        self, batch: Iterable[Any], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Apply changelog chunks (a Faust event each) that are newer than the database."""
        for event in batch:
            self.apply(event.message.value)

    def apply(self, chunk: Any) -> None:
        """Apply one changelog chunk, without records at or below the persisted offset."""
        runtime = self.app.pathcast
        store = self.partition(chunk.partition)
        before = store.persisted()
        known = before.offset if before else -1
        if chunk.offset <= known:
            return
        pairs = ((record.key, record.value) for record in chunk.records if record.offset > known)
        written_at = chunk.timestamp or (before.written_at if before else int(time.time() * 1000))
        try:
            store.write(pairs, Persisted(chunk.offset, runtime.changelog_id, written_at))
        except Exception as error:
            # faust.tables.recovery logs errors of this call and continues: the state would have a gap.
            runtime.fail(SetUpError(f"cannot write {store.db.path()}: {error}; free the disk and restart"))
            raise

    def revoke_partitions(self, table: Any, tps: Iterable[Any]) -> None:
        """Close the databases of revoked partitions."""
        for tp in tps:
            if tp.topic in table.changelog_topic.topics:
                self._close(tp.partition)
        gc.collect()

    def _close(self, partition: int) -> None:
        self._dbs.pop(partition, None)
        store = self.partitions.pop(partition, None)
        if store is not None:
            store.close()

    async def stop(self) -> None:
        """Flush and close everything."""
        for partition in list(self.partitions):
            self._close(partition)
