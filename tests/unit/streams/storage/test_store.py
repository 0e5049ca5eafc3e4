"""The store over a real RocksDB: atomic, ordered, and never older than it says."""

import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import rocksdict

from models.durations import DAY_MS
from streams.errors import SetUpError
from streams.inputs.chunks import Chunk, Epoch
from streams.storage.partition_store import (
    PERSISTED_KEY,
    PartitionStore,
    Persisted,
    database_options,
    shared_memory,
)
from streams.storage.store import Store
from tests.offline import Record

NOW = int(time.time() * 1000)


class Runtime(SimpleNamespace):
    """What a store asks of the runtime."""

    def __init__(self, **values):
        known = {"changelog_id": "changelog-1", "tombstone_retention_ms": DAY_MS, "failure": None}
        super().__init__(**known | {"memory": shared_memory(8 << 20)} | values)

    def database_options(self):
        return database_options(*self.memory)

    def fail(self, error):
        self.failure = error

    def is_ahead(self, partition, store):
        return bool(store.get([b"ahead"])[0])


def store_at(folder: Path, runtime: Runtime | None = None) -> Store:
    """Faust's table store, on a folder, for an app that is only a runtime."""
    folder.mkdir(exist_ok=True)
    conf = SimpleNamespace(tabledir=folder, table_key_index_size=100)
    app = SimpleNamespace(conf=conf, pathcast=runtime or Runtime())
    table = SimpleNamespace(name="state", changelog_topic=SimpleNamespace(topics=["changelog"]))
    return Store("fenced://", app, table)


def changelog(pairs, first=0, timestamp=NOW):
    """A changelog chunk of records from offset `first` on."""
    found = [Record(offset, timestamp, key, value) for offset, (key, value) in enumerate(pairs, first)]
    end = first + len(found)
    return Chunk("changelog", 0, end - 1, timestamp, first, end, found, Epoch(0, 0), 0.0)


@pytest.fixture
def store(tmp_path):
    return store_at(tmp_path / "tables")


@pytest.fixture
def partition(store) -> PartitionStore:
    return store.partition(0)


def persisted(offset, topic="changelog-1", at=NOW):
    return Persisted(offset, topic, at)


def test_a_write_applies_puts_deletes_and_position_together(partition):
    partition.write([(b"a", b"1"), (b"b", b"2"), (b"c", b"3")], persisted(2))
    partition.write([(b"b", None), (b"a", b"4")], persisted(4))
    assert partition.get([b"c", b"b", b"a", b"none"]) == [b"3", None, b"4", None]
    assert partition.persisted() == persisted(4)
    assert partition.get([]) == []


def test_a_write_that_fails_midway_applies_nothing(partition):
    partition.write([(b"a", b"1")], persisted(0))
    with pytest.raises(ValueError, match="only support bytes"):
        partition.write([(b"a", b"2"), (b"b", 3)], persisted(1))
    assert partition.get([b"a", b"b"]) == [b"1", None]
    assert partition.persisted() == persisted(0)


def test_a_scan_gives_a_prefix_in_key_order(partition):
    partition.write([(key, b"") for key in (b"b2", b"a", b"b1", b"c", b"b")], persisted(0))
    assert [key for key, _ in partition.scan(b"b")] == [b"b", b"b1", b"b2"]
    assert list(partition.scan(b"d")) == []


def test_an_empty_store_has_no_position(store):
    assert store.persisted_offset(SimpleNamespace(partition=0)) is None


def test_changelog_chunks_are_applied_with_their_tombstones(store, partition):
    store.apply(changelog([(b"a", b"1"), (b"b", b"2"), (b"a", None), (b"c", b"3")]))
    assert partition.get([b"a", b"b", b"c"]) == [None, b"2", b"3"]
    assert store.persisted_offset(SimpleNamespace(partition=0)) == 3


def test_changelog_records_at_or_below_the_position_are_old_news(store, partition):
    partition.write([(b"a", b"newer"), (b"b", b"newer")], persisted(10))
    store.apply(changelog([(b"a", b"old")] * 5, first=3))
    store.apply(changelog([(b"a", b"old")], first=10))
    assert partition.get([b"a"]) == [b"newer"]
    assert partition.persisted() == persisted(10)
    store.apply(changelog([(b"b", b"old"), (b"a", b"newest")], first=10))
    assert partition.get([b"a", b"b"]) == [b"newest", b"newer"]
    assert store.persisted_offset(SimpleNamespace(partition=0)) == 11


def test_an_empty_changelog_chunk_moves_the_position(store, partition):
    chunk = changelog([(b"a", b"1")], first=0)
    store.apply(chunk)
    store.apply(Chunk("changelog", 0, 5, None, 1, 6, (), Epoch(0, 0), 0.0))
    assert partition.persisted() == persisted(5)


def test_faust_hands_over_events(store, partition):
    events = [SimpleNamespace(message=SimpleNamespace(value=changelog([(b"a", b"1")])))]
    store.apply_changelog_batch(events, lambda key: key, lambda value: value)
    assert partition.get([b"a"]) == [b"1"]


def test_fausts_own_position_is_not_written(store, partition):
    partition.write([], persisted(7))
    store.set_persisted_offset(SimpleNamespace(partition=0), 99)
    assert partition.persisted() == persisted(7)


async def reopened(store, folder, runtime=None):
    await store.stop()
    assert store.partitions == {}
    return store_at(folder, runtime).partition(0)


async def test_what_was_written_is_there_after_a_clean_close(store, partition, tmp_path):
    partition.write([(b"a", b"1")], persisted(3))
    again = await reopened(store, tmp_path / "tables")
    assert again.get([b"a"]) == [b"1"]
    assert again.persisted() == persisted(3)


@pytest.mark.parametrize(
    "stale", [persisted(3, topic="changelog-0"), persisted(3, at=NOW - DAY_MS - 3_600_000)], ids=["id", "age"]
)
async def test_stale_local_state_is_wiped(store, partition, tmp_path, stale):
    partition.write([(b"a", b"1")], stale)
    again = await reopened(store, tmp_path / "tables")
    assert again.get([b"a"]) == [None]
    assert again.persisted() is None


async def test_local_state_with_an_aborted_transaction_is_wiped(store, partition, tmp_path):
    partition.write([(b"a", b"1"), (b"ahead", b"1")], persisted(3))
    assert (await reopened(store, tmp_path / "tables")).persisted() is None


async def test_local_state_younger_than_its_tombstones_is_kept(store, partition, tmp_path):
    partition.write([(b"a", b"1")], persisted(3, at=NOW - DAY_MS + 3_600_000))
    assert (await reopened(store, tmp_path / "tables")).get([b"a"]) == [b"1"]


WRITER = """
import os, sys
import rocksdict
from streams.storage.partition_store import PartitionStore, Persisted, database_options
store = PartitionStore(rocksdict.Rdict(sys.argv[1], options=database_options(rocksdict.Cache(8 << 20))))
for number in range(4000):
    value = number.to_bytes(4, "big") * 500
    pairs = [(b"first", value), (b"key%d" % (number % 50), value), (b"last", value)]
    store.write(pairs, Persisted(number, "changelog-1", 1))
    if number == 2500:
        store.db.flush()
os._exit(9)
"""


def test_after_an_unclean_end_a_consistent_prefix_is_left(tmp_path):
    ended = subprocess.run([sys.executable, "-c", WRITER, str(tmp_path / "db")], check=False)
    assert ended.returncode == 9
    db = rocksdict.Rdict(str(tmp_path / "db"), options=rocksdict.Options(raw_mode=True))
    left = PartitionStore(db)
    known = left.persisted()
    assert known is not None, "the flush was lost"
    assert 2500 <= known.offset < 4000
    expected = known.offset.to_bytes(4, "big") * 500
    assert left.get([b"first", b"last", b"key%d" % (known.offset % 50)]) == [expected] * 3
    newest = {int.from_bytes((value or b"")[:4], "big") for _, value in left.scan(b"key")}
    assert newest == set(range(known.offset - 49, known.offset + 1))
    db.close()


async def test_revoked_partitions_are_closed_and_can_be_opened_by_another(store, partition, tmp_path):
    partition.write([(b"a", b"1")], persisted(0))
    table = SimpleNamespace(changelog_topic=SimpleNamespace(topics=["changelog"]))
    store.revoke_partitions(table, [SimpleNamespace(topic="other", partition=0)])
    assert 0 in store.partitions
    store.revoke_partitions(table, [SimpleNamespace(topic="changelog", partition=0)])
    assert store.partitions == {}
    assert store_at(tmp_path / "tables").partition(0).get([b"a"]) == [b"1"]


def test_a_database_that_cannot_be_opened_says_what_to_do(tmp_path):
    store = store_at(tmp_path / "tables")
    path = Path(store.partition_path(0))
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(path, ignore_errors=True)
    path.write_text("not a folder")
    with pytest.raises(SetUpError, match="writable datadir of its own"):
        store.partition(0)


def test_a_locked_database_is_left_to_fausts_retries(store, partition, tmp_path):
    with pytest.raises(Exception, match=r"(?i)lock") as locked:
        store_at(tmp_path / "tables").partition(0)
    assert not isinstance(locked.value, SetUpError)


def test_a_changelog_that_cannot_be_written_ends_the_worker(store, partition):
    partition.db.close()
    runtime = store.app.pathcast
    store.partitions[0] = SimpleNamespace(
        persisted=lambda: None, write=_full_disk, db=SimpleNamespace(path=lambda: "/data/0")
    )
    with pytest.raises(OSError, match="No space"):
        store.apply(changelog([(b"a", b"1")]))
    assert "cannot write /data/0" in str(runtime.failure)


def _full_disk(pairs, persisted):
    raise OSError("No space left on device")


def test_the_position_is_kept_beside_the_data(partition):
    partition.write([(b"a", b"1")], persisted(3))
    assert {key for key, _ in partition.scan(b"")} == {b"a", PERSISTED_KEY}


def test_what_is_in_no_file_yet_stays_within_the_memory_however_many_partitions(tmp_path):
    runtime = Runtime(memory=shared_memory(64 << 20))
    store, (_, buffers) = store_at(tmp_path / "tables", runtime), runtime.memory
    value = b"x" * 100_000
    for number in range(1_200):
        persisted = Persisted(number, runtime.changelog_id, NOW)
        store.partition(number % 8).write([(b"%d" % number, value)], persisted)
    # 120 MB, 15 in each: no partition would flush before it has 32. A flush goes on in the background, and
    # while one does, its partition begins no other: what was written meanwhile waits for the next write.
    deadline = time.monotonic() + 120
    while (used := buffers.get_usage()) > 64 << 20:
        assert time.monotonic() < deadline, f"{used:,} bytes are in no file yet"
        time.sleep(0.05)
        for number in range(8):
            store.partition(number).write([(b"later", b"x")], persisted)
    assert store.partition(3).get([b"3"]) == [value]
