"""Copies of the state: told before they begin, deleted or rewritten on an erasure, taken back when gone."""

import asyncio

import msgspec
import pytest
import rocksdict

from models.privacy.erasure import StateCopy
from streams.storage.copy_ledger import CopyLedger
from streams.storage.datadir_identity import DatadirIdentity, identity
from streams.storage.partition_store import (
    ERASED_KEY,
    PartitionStore,
    Persisted,
    database_options,
    rewritten_in,
)
from streams.storage.state_copies import StateCopies

HOUR_S = 3600.0


class Ledger:
    """What would be said on the topic."""

    def __init__(self, said=()):
        self.said, self.lines, self.outdated = dict(said), [], set()

    async def start(self): ...

    async def stop(self): ...

    async def say(self, partition, rewritten):
        self.lines.append((partition, rewritten))
        self.said.pop(partition, None)
        self.outdated.discard(partition)
        if rewritten is not None:
            self.said[partition] = rewritten


class ErasureReceipts:
    """The last receipts by partition."""

    def __init__(self):
        self.at = {}

    async def start(self): ...

    async def stop(self): ...

    async def latest(self, partitions):
        return {number: self.at.get(number, 0) for number in partitions}


class Datadir:
    """Real databases in a folder as the worker lays them out."""

    def __init__(self, folder, said=()):
        self.tables = folder / "v1" / "tables"
        self.tables.mkdir(parents=True)
        self.opened, self.ledger, self.receipts = {}, Ledger(said), ErasureReceipts()
        self.copies = StateCopies(self.ledger, self.receipts, folder, HOUR_S, lambda: self.opened)
        self.copies._known.set()

    def path(self, number):
        return self.tables / f"shop-state-{number}.db"

    def open(self, number, erased=0):
        database = rocksdict.Rdict(str(self.path(number)), options=database_options(rocksdict.Cache(8 << 20)))
        store = self.opened[number] = PartitionStore(database)
        if erased:
            self.erase(number, erased)
        return store

    def erase(self, number, at, rewrite=True):
        store = self.opened[number]
        store.write([(ERASED_KEY, b"%d" % at)], Persisted(1, "t", 1))
        if rewrite:
            store.compact()
            store._compacting.join()

    def close(self, number):
        self.opened.pop(number).close()

    def assign(self, *partitions):
        asyncio.run(self.copies.announce(partitions))

    def look(self):
        asyncio.run(self.copies.look())
        return self.ledger.said


@pytest.fixture
def datadir(tmp_path):
    made = Datadir(tmp_path)
    yield made
    for number in list(made.opened):
        made.close(number)


def test_an_assignment_is_told_before_there_is_a_file(datadir):
    datadir.assign(0, 1)
    assert datadir.ledger.lines == [(0, 0), (1, 0)]
    assert list(datadir.tables.iterdir()) == []
    assert datadir.look() == {0: 0, 1: 0}
    datadir.assign(0, 1)
    assert datadir.ledger.lines == [(0, 0), (1, 0)]


def test_what_was_struck_off_and_exists_after_all_is_announced_again_and_deleted(datadir):
    datadir.open(1, erased=5)
    datadir.close(1)
    assert datadir.ledger.said == {}
    assert datadir.look() == {1: 5}
    datadir.receipts.at[1] = 6
    datadir.assign(0)
    assert datadir.look() == {0: 0}
    assert not datadir.path(1).exists()


def test_what_was_said_with_another_secret_is_said_once_more(datadir):
    datadir.assign(0)
    datadir.look()
    datadir.ledger.outdated = {0}
    datadir.look()
    datadir.look()
    assert datadir.ledger.lines == [(0, 0), (0, 0)]


def test_a_ledger_knows_what_an_earlier_process_said_by_another_secret():
    def said(partition, pseudonyms):
        copy = StateCopy(
            worker="w", place="h:/d", partition=partition, rewritten=3, at=1, pseudonyms=pseudonyms
        )
        return msgspec.json.encode(copy)

    ledger = CopyLedger("state-copies", {}, DatadirIdentity("w", "h:/d"), "print")
    ledger._learn(0, said(0, "print"))
    ledger._learn(1, said(1, ""))
    ledger._learn(2, said(2, ""))
    ledger._learn(2, None)
    assert (ledger.said, ledger.outdated) == ({0: 3, 1: 3}, {1})


def test_an_owner_confirms_once_its_files_are_rewritten(datadir):
    datadir.assign(0)
    datadir.open(0)
    datadir.erase(0, 7, rewrite=False)
    assert datadir.look() == {0: 0}
    datadir.opened[0].compact()
    datadir.opened[0]._compacting.join()
    assert datadir.look() == {0: 7}
    datadir.erase(0, 9, rewrite=False)
    assert datadir.look() == {0: 0}


def test_a_former_owner_deletes_its_files_when_somebody_is_erased_and_then_says_so(datadir):
    datadir.assign(0, 1)
    datadir.open(0)
    datadir.open(1, erased=5)
    datadir.receipts.at = {0: 3, 1: 5}
    datadir.close(1)
    datadir.assign(0)
    # What it rewrote itself while it was the owner may stay for a quick return.
    assert datadir.look() == {0: 0, 1: 5}
    assert datadir.path(1).exists()
    datadir.receipts.at[1] = 6
    assert datadir.look() == {0: 0}
    assert [path.name for path in datadir.tables.iterdir()] == ["shop-state-0.db"]
    assert datadir.ledger.lines[-1] == (1, None)


def test_a_frozen_owner_deletes_once_it_learns_that_it_is_none(datadir):
    datadir.assign(1)
    datadir.open(1)
    datadir.receipts.at = {1: 6}  # another owner's: this one was frozen, and still believes
    assert datadir.look() == {1: 0}
    datadir.close(1)
    assert datadir.look() == {1: 0}
    datadir.assign()
    assert datadir.look() == {}


def test_files_that_a_kill_left_before_they_were_rewritten_go_too(datadir):
    datadir.open(1)
    datadir.erase(1, 6, rewrite=False)
    datadir.receipts.at = {1: 6}
    datadir.close(1)
    assert rewritten_in(str(datadir.path(1))) == 0
    # Before the first assignment of a process it may still become the owner again, and rewrite them.
    assert datadir.look() == {1: 0}
    datadir.assign()
    assert datadir.look() == {}
    assert not datadir.path(1).exists()


def test_what_cannot_be_read_may_not_stay(datadir):
    datadir.path(1).mkdir()
    (datadir.path(1) / "CURRENT").write_text("nonsense")
    datadir.assign()
    assert datadir.look() == {1: 0}
    datadir.receipts.at = {1: 6}
    assert datadir.look() == {}


def test_what_is_not_there_any_more_is_taken_back(tmp_path):
    datadir = Datadir(tmp_path, {4: 3, 5: 0})
    (tmp_path / ".deleted-shop-state-5.db-100" / "sub").mkdir(parents=True)
    datadir.copies._revoked.put_aside = lambda *_: []  # what cannot be deleted
    assert datadir.look() == {5: 0}
    del datadir.copies._revoked.put_aside
    assert datadir.look() == {}
    assert datadir.ledger.lines == [(4, None), (5, None)]


def test_a_returning_partition_keeps_its_word_until_its_database_is_open(datadir):
    datadir.assign(1)
    datadir.open(1, erased=5)
    assert datadir.look() == {1: 5}
    datadir.close(1)
    datadir.assign()
    assert datadir.look() == {1: 5}
    datadir.assign(1)
    assert datadir.look() == {1: 5}


def test_a_datadir_has_a_name_of_its_own_that_stays(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    assert identity(one) == identity(one)
    assert identity(one).worker != identity(other).worker
    assert identity(one).place.endswith(f":{one}")
    (other / "identity").write_text("")
    assert identity(other).worker
