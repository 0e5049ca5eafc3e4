"""One partition's state in RocksDB: read in multi-gets, written with its checkpoint in one batch."""

from collections.abc import Iterable, Iterator, Sequence
from threading import Thread
from typing import Any

import msgspec
import rocksdict
from faust.stores import rocksdb

#: How far the changelog is applied; faust.stores.rocksdb has its own plain-text form under this key.
PERSISTED_KEY = rocksdb.Store.offset_key
#: The time of the last erasure (in the changelog as well), and the erasure up to which files are rewritten
#: (local). Where they differ, files may still contain deleted values.
ERASED_KEY = b"\x00erased"
_COMPACTED_KEY = b"\x00compacted"


#: zlib's window (not used by zstd), zstd's default level, and the bytes of a file's dictionary.
_ZSTD_WINDOW, _ZSTD_LEVEL, _DICTIONARY = -14, 3, 64 << 10


class Persisted(msgspec.Struct, array_like=True, frozen=True):
    """How far a database is: changelog offset (inclusive), id of that topic, time of writing (epoch ms)."""

    offset: int
    topic_id: str
    written_at: int


class PartitionStore:
    """One partition's database. Keys and values are bytes; a write is atomic."""

    def __init__(self, db: Any) -> None:
        self.db = db
        self._options = rocksdict.WriteOptions()
        # The changelog replaces the write-ahead log: a lost memtable is read again, as its position is lost.
        self._options.disable_wal = True
        self._compacting: Thread | None = None

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

    def rewritten(self) -> int:
        """The last erasure (`at` of its receipt) if files are rewritten up to it, else 0."""
        if self._compacting is not None and self._compacting.is_alive():
            return 0
        return _rewritten(self.db)

    def compact(self) -> None:
        """Rewrite the files on a thread if they may contain erased values, which a deletion only hides."""
        if self._compacting is None or not self._compacting.is_alive():
            self._compacting = Thread(target=self._compact, name="compact")
            self._compacting.start()

    def _compact(self) -> None:
        while (owed := self.db.get(ERASED_KEY)) != self.db.get(_COMPACTED_KEY):
            self.db.flush()
            self.db.compact_range(None, None, _rewriting())
            batch = rocksdict.WriteBatch(raw_mode=True)
            batch.put(_COMPACTED_KEY, owed)
            self.db.write(batch, self._options)
            # The manifest has the first and last key of each file, also of replaced ones; the next change of
            # files starts a new manifest.
            self.db.flush()

    def close(self) -> None:
        """Flush and close, so that a restart need not read these changes again."""
        if self._compacting is not None:
            self._compacting.join()
        self.db.flush()
        self.db.close()


def rewritten_in(path: str) -> int:
    """`rewritten` of a closed database; 0 also where it cannot be read."""
    try:
        db = rocksdict.Rdict(
            path, options=rocksdict.Options(raw_mode=True), access_type=rocksdict.AccessType.read_only()
        )
    except Exception:  # noqa: BLE001 - rocksdict raises bare exceptions; an unreadable database confirms nothing
        return 0
    try:
        return _rewritten(db)
    finally:
        db.close()


def _rewritten(db: Any) -> int:
    owed = db.get(ERASED_KEY)
    return int(owed) if owed is not None and owed == db.get(_COMPACTED_KEY) else 0


def _rewriting() -> Any:
    """Options of a compaction that rewrites every file instead of moving some."""
    options = rocksdict.CompactOptions()
    options.set_bottommost_level_compaction(rocksdict.BottommostLevelCompaction.force())
    return options


def shared_memory(size: int) -> tuple[Any, Any]:
    """A block cache of `size` bytes with the write buffers in it, shared by all partitions of a worker.

    Write buffers take half of it at most, whatever the number of partitions: beyond that, the partition being
    written is flushed early.
    """
    cache = rocksdict.Cache(size)
    manager = rocksdict.WriteBufferManager
    return cache, manager.new_write_buffer_manager_with_cache(size // 2, False, cache)


def database_options(cache: Any, buffers: Any = None) -> Any:
    """Options of RocksDB with shared memory; without `buffers` each database has its own write buffers."""
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(32 << 20)
    options.set_max_write_buffer_number(3)
    if buffers is not None:
        options.set_write_buffer_manager(buffers)
    options.set_max_background_jobs(2)
    options.set_compression_type(rocksdict.DBCompressionType.lz4())
    # Most of the data is in the last level. Visitors look at the same items, whose hashes are in a dictionary
    # of the file: records take a third less than with lz4, and blocks stay small, which single reads need.
    options.set_bottommost_compression_type(rocksdict.DBCompressionType.zstd())
    options.set_bottommost_compression_options(_ZSTD_WINDOW, _ZSTD_LEVEL, 0, _DICTIONARY, True)
    options.set_bottommost_zstd_max_train_bytes(16 * _DICTIONARY, True)
    options.set_keep_log_file_num(2)
    options.set_max_manifest_file_size(1)
    table = rocksdict.BlockBasedOptions()
    table.set_bloom_filter(10, block_based=False)
    table.set_block_cache(cache)
    options.set_block_based_table_factory(table)
    return options
