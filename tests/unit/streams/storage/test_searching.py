"""The search of files sees what RocksDB compresses and hides, so that what it does not find is not there."""

import json
import random

import polars as pl
import pytest
import rocksdict

from streams.storage.partition_store import ERASED_KEY, PartitionStore, Persisted, database_options
from tests import searching, table_files
from tests.searching import in_files, read_table

WHO = "someone-very-special"
KEY, AT = b"v" + WHO.encode(), Persisted(1, "t", 1)
WORDS = [random.Random(number).randbytes(9).hex() for number in range(300)]


@pytest.fixture
def store(tmp_path):
    options = database_options(rocksdict.Cache(8 << 20))
    made = PartitionStore(rocksdict.Rdict(str(tmp_path), options=options))
    yield made
    made.close()


def record(number, *more):
    """Like others in parts, so that compression and the dictionary have something to do."""
    words = random.Random(number).choices(WORDS, k=12)
    return json.dumps([*words, *more]).encode()


def others(count=4000):
    return [(b"v%05d" % number, record(number)) for number in range(count)]


def write(store, *pairs):
    store.write(pairs, AT)
    store.db.flush()


def rewrite(store, erasure):
    write(store, (ERASED_KEY, erasure))
    store.compact()
    store._compacting.join()


def raw(folder):
    return [path.name for path in folder.glob("*.sst") if WHO.encode() in path.read_bytes()]


def tables(folder):
    return [read_table(path) for path in sorted(folder.glob("*.sst"))]


def dictionaries(folder):
    found = [table.blocks.get("rocksdb.compression_dict", b"") for table in tables(folder)]
    return b"\n".join(found)


def test_a_compressed_last_level_is_seen_through(store, tmp_path):
    # Others have both halves of the id, so that it is two references.
    halves = [(key, record(key, "someone-very-dull", "most-special")) for key, _ in others()]
    write(store, *halves, (b"v00123-", record(1, WHO)))
    rewrite(store, b"1")
    assert raw(tmp_path) == []
    ((name, _),) = in_files(tmp_path, WHO, "nobody")
    (largest,) = [one for one in store.db.live_files() if one["level"] == 6]
    assert largest["name"].endswith(name)


def test_every_entry_is_read_as_rocksdb_reads_it(store, tmp_path):
    write(store, *others())
    rewrite(store, b"1")
    write(store, (b"v00007", b"new"), (b"v00008", None))
    entries = [entry for table in tables(tmp_path) for entry in table.entries]
    last = {entry.key: entry for entry in sorted(entries, key=lambda entry: entry.sequence)}
    live = {key: entry.value for key, entry in last.items() if not entry.deleted}
    assert live == dict(store.db.items())
    assert len(entries) == len(live) + 4  # a deletion, what it deletes, a former value, a former position
    assert len(entries) == sum(one["num_entries"] for one in store.db.live_files())


def test_what_is_deleted_or_superseded_is_found_until_it_is_rewritten(store, tmp_path):
    write(store, *others(), (KEY, record(1)), (b"v1", record(2, "former")))
    rewrite(store, b"1")
    write(store, (KEY, None), (b"v1", record(2)))
    assert store.get([KEY, b"v1"]) == [None, record(2)]
    found = in_files(tmp_path, WHO, "former")
    assert len([name for name, text in found if text == WHO and name.endswith(".sst")]) == 2  # with its mark
    assert [text for name, text in found if text == "former"] == ["former"]
    rewrite(store, b"2")
    assert in_files(tmp_path, WHO, "former") == []


def test_after_an_erasure_neither_blocks_nor_the_dictionary_have_the_visitor(store, tmp_path):
    """The dictionary is made of records: one that was seen often is in it."""
    theirs = [(KEY + b"-%d" % number, record(number, WHO * 3)) for number in range(1000)]
    write(store, *others(), *theirs)
    rewrite(store, b"1")
    assert WHO.encode() in dictionaries(tmp_path)
    write(store, *[(key, None) for key, _ in theirs])
    assert WHO.encode() in dictionaries(tmp_path)
    rewrite(store, b"2")
    assert WORDS[0].encode() in dictionaries(tmp_path)
    pieces = [WHO[at : at + 10] for at in range(len(WHO) - 9)]
    assert in_files(tmp_path, *pieces) == []
    assert store.get([b"v00007"]) == [record(7)]


def test_what_cannot_be_read_whole_is_no_empty_file(store, tmp_path, monkeypatch):
    monkeypatch.setattr(searching, "PATIENCE", 0.2)
    write(store, *others())
    (path,) = tmp_path.glob("*.sst")
    content = path.read_bytes()
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    (copy / path.name).write_bytes(content[:-1])
    with pytest.raises(AssertionError, match=r"\.sst: no footer"):
        in_files(copy, WHO)
    with pytest.raises(table_files.UnreadableError, match="are in no known block"):
        table_files.read(b"\0" + content)
    with pytest.raises(AssertionError, match="no file under"):
        in_files(tmp_path / "nowhere", WHO)


def test_other_files_are_searched_as_they_are_and_parquet_by_its_rows(tmp_path):
    pl.DataFrame({"visitor_id": [WHO] * 500 + ["v1"]}).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "MANIFEST-000001").write_bytes(b"\0" + WHO.encode())
    found = in_files(tmp_path, WHO, WHO.encode()[3:], "nobody")
    assert sorted({name for name, _ in found}) == ["MANIFEST-000001", "a.parquet"]
    assert {text for _, text in found} == {WHO, WHO.encode()[3:]}
