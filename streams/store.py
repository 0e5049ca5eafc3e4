"""A Faust table store over RocksDB whose state, fence and changelog position are written as one batch."""

import gc
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
import rocksdict
from faust.stores import rocksdb

from streams.errors import SetUpError

#: Where the changelog has been applied to; faust.stores.rocksdb reads its own plain-text form under this key.
PERSISTED_KEY = rocksdb.Store.offset_key


class Persisted(msgspec.Struct, array_like=True, frozen=True):
    """How far a database is: changelog offset (inclusive), that topic's id, when it was written (ms)."""

    offset: int
    topic_id: str
    written_at: int


class PartitionStore:
    """One partition's database. Keys and values are bytes; a write is atomic."""

    def __init__(self, db: Any) -> None:
        self.db = db
        self._options = rocksdict.WriteOptions()
        # The changelog is the log: a lost memtable takes its position along and is read again from there.
        self._options.disable_wal = True

    def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Values of `keys`, None where there is none (one multi-get)."""
        return list(self.db.get(list(keys))) if keys else []

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Pairs under `prefix` in key order, from the key `start` on."""
        for key, value in self.db.items(from_key=max(prefix, start)):
            if not key.startswith(prefix):
                return
            yield key, value

    def persisted(self) -> Persisted | None:
        """How far this database is, None for an empty one."""
        value = self.db.get(PERSISTED_KEY)
        return msgspec.msgpack.decode(value, type=Persisted) if value is not None else None

    def write(self, pairs: Iterable[tuple[bytes, bytes | None]], persisted: Persisted) -> None:
        """Apply puts and deletes (value None) and the changelog position at once."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        put, delete = batch.put, batch.delete
        for key, value in pairs:
            if value is None:
                delete(key)
            else:
                put(key, value)
        put(PERSISTED_KEY, msgspec.msgpack.encode(persisted))
        self.db.write(batch, self._options)

    def close(self) -> None:
        """Flush and close: what is flushed need not be read again."""
        self.db.flush()
        self.db.close()


class Store(rocksdb.Store):  # type: ignore[misc]
    """`fenced://`: chunks of changelog records are written as one batch; older ones are ignored."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.partitions: dict[int, PartitionStore] = {}

    def partition(self, number: int) -> PartitionStore:
        """The store of an owned partition, opened if need be."""
        self._db_for_partition(number)
        return self.partitions[number]

    def _open_for_partition(self, partition: int) -> Any:
        store = self._open(partition)
        if self._is_stale(partition, store.persisted()):
            store.close()
            shutil.rmtree(self.partition_path(partition))
            store = self._open(partition)
        self.partitions[partition] = store
        return store.db

    def _open(self, partition: int) -> PartitionStore:
        path = str(self.partition_path(partition))
        try:
            return PartitionStore(
                rocksdict.Rdict(path, options=_database_options(self.app.pathcast.shared_cache()))
            )
        except Exception as error:
            if "lock" in str(error).lower():
                raise
            raise SetUpError(
                f"cannot open {path}: {error}; give the worker a writable datadir of its own"
            ) from error

    def _is_stale(self, partition: int, persisted: Persisted | None) -> bool:
        """Of another changelog, or older than its tombstones, it would bring back what was deleted."""
        if persisted is None:
            return False
        runtime = self.app.pathcast
        age = time.time() * 1000 - persisted.written_at
        stale = persisted.topic_id != runtime.changelog_id or age > runtime.tombstone_retention_ms
        if stale:
            self.log.warning("local state of partition %s is of %s: rebuilding it", partition, persisted)
        return bool(stale)

    def persisted_offset(self, tp: Any) -> int | None:
        """Last changelog offset in the local database (faust.tables.recovery starts there)."""
        persisted = self.partition(tp.partition).persisted()
        return persisted.offset if persisted else None

    def set_persisted_offset(self, tp: Any, offset: int) -> None:
        """Faust's own bookkeeping: the position is written with the data, never beside it."""

    def apply_changelog_batch(
        self, batch: Iterable[Any], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Apply changelog chunks (a Faust event each) that are newer than the database."""
        for event in batch:
            self.apply(event.message.value)

    def apply(self, chunk: Any) -> None:
        """Apply one changelog chunk; its records at or below the persisted offset are old news."""
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
            # faust.tables.recovery logs errors of this call and goes on: a hole in the state.
            runtime.fail(SetUpError(f"cannot write {store.db.path()}: {error}; free the disk and restart"))
            raise

    def revoke_partitions(self, table: Any, tps: Iterable[Any]) -> None:
        """Close the databases of partitions that are now somebody else's."""
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


def _database_options(cache: Any) -> Any:
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(32 << 20)
    options.set_max_write_buffer_number(3)
    options.set_max_background_jobs(2)
    options.set_compression_type(rocksdict.DBCompressionType.lz4())
    options.set_keep_log_file_num(2)
    table = rocksdict.BlockBasedOptions()
    table.set_bloom_filter(10, block_based=False)
    table.set_block_cache(cache)
    options.set_block_based_table_factory(table)
    return options
