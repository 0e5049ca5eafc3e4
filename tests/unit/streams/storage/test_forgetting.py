"""Forgetting a visitor: from the record on nothing is known of them, anywhere; others lose nothing."""

import os

import pytest
import rocksdict

from models.privacy import erasure
from models.privacy.erasure import FORGET, Erasure, request_of
from models.state import state_keys
from streams.rollout.shadow import Shadow
from streams.storage.partition_store import ERASED_KEY, PartitionStore, Persisted, database_options
from streams.storage.revoked import RevokedState, remove
from tests.offline import Offline, Record, records
from tests.searching import in_files
from tests.tiny import version as tiny

START = 1_700_000_000_000
NAME = "someone-very-special"
WHO = NAME.encode()
HOUR_S = 3600.0


def event(number, visitor=NAME, name="view_item"):
    known = {"event_id": f"e{number}", "visitor_id": visitor, "event": name, "item_id": f"i{number % 9}"}
    return known | {"ts": START + 1000 * number}


def forget(key=WHO, request=b"r1", value=None):
    return Record(0, START, key, value, [(FORGET, request)])


def traces(state):
    return [(key, value) for key, value in state.items() if WHO in key or WHO in value]


def receipts(effects):
    return [erasure.decode(value) for _, value, _ in effects.outputs.get("visitor-erasures", ())]


def test_the_state_has_no_trace_and_the_receipt_does_not_say_who():
    one = Offline()
    one.process(records([event(n, f"v{n % 3}" if n % 2 else NAME) for n in range(20)]))
    # The record, its timer, and decisions that await their outcomes.
    kinds = [key[:1] for key, _ in traces(one.state)]
    assert (kinds.count(b"v"), kinds.count(b"t"), kinds.count(b"d")) == (1, 1, 2)
    assert len(kinds) == 4
    others = {key: value for key, value in one.state.items() if WHO not in key}
    effects = one.process([forget()])
    assert traces(one.state) == []
    assert one.state.items() >= others.items()
    (receipt,) = receipts(effects)
    assert receipt == Erasure(request="r1", partition=0, found=True, at=receipt.at)
    assert [key for key, _, _ in effects.outputs["visitor-erasures"]] == [b"r1"]
    assert WHO not in repr(effects.outputs).encode()
    assert effects.erased
    assert one.lookups.look_up(NAME) is None
    memory = one.pipeline.caches[0]
    assert state_keys.VISITOR + WHO not in memory.recent
    assert memory.answers.of(NAME) is None
    assert NAME not in repr(memory.answers.chunks)
    assert one.metrics.erasures._value.get() == 1


def test_in_the_middle_of_a_chunk_what_came_before_is_answered_and_what_follows_is_new(tmp_path):
    one = Offline(tiny(tmp_path))
    one.process(records([event(0), event(1)]))
    effects = one.process(
        [*records([event(2, name="add_to_cart")]), forget(), *records([event(3), event(4)])]
    )
    intents = one.answers(effects)["purchase-intent"]
    assert [(a["event_id"], a["session_clicks"]) for a in intents] == [("e2", 3), ("e3", 1), ("e4", 2)]
    fresh = Offline(one.models.current)
    fresh.process(records([event(3), event(4)]))
    key = state_keys.VISITOR + WHO
    assert one.state[key] == fresh.state[key]
    # One timer, and it is the new visitor's.
    assert [key for key, _ in traces(one.state)] == [key for key, _ in traces(fresh.state)]


def test_an_unknown_visitor_and_a_repeated_request_are_receipted_too():
    one = Offline()
    effects = one.process([forget(), forget(request=b"r2")])
    assert [(receipt.request, receipt.found) for receipt in receipts(effects)] == [
        ("r1", False),
        ("r2", False),
    ]


def test_an_empty_value_alone_forgets_nobody():
    one = Offline()
    one.process(records([event(0)]))
    effects = one.process([Record(1, START, WHO, None), forget(value=b"{}"), forget(key=None)])
    assert len(effects.outputs["clicks-dead-letter"]) == 3
    assert receipts(effects) == []
    assert traces(one.state)
    assert request_of(forget(request=b"\xff" * 100)) == "�" * erasure.MOST_NAME


def test_a_comparison_awaits_nothing_of_them(tmp_path):
    one = Offline(tiny(tmp_path, 1))
    one.models.shadow = Shadow(1.0, one.metrics)
    one.models.shadow.start(tiny(tmp_path, 2), 100)
    one.process(records([event(0), event(1, "other")]))
    assert set(one.models.shadow.trial.outcomes._pending) == {b"v" + WHO, b"vother"}
    one.process([forget()])
    assert set(one.models.shadow.trial.outcomes._pending) == {b"vother"}


@pytest.fixture
def opened(tmp_path):
    return lambda: PartitionStore(
        rocksdict.Rdict(str(tmp_path / "db"), options=database_options(rocksdict.Cache(8 << 20)))
    )


def test_nothing_is_left_in_the_files_of_rocksdb(opened, tmp_path):
    store = opened()
    persisted = Persisted(1, "t", 1)
    noise = [(b"v%05d" % number, os.urandom(200)) for number in range(2000)]
    store.write([*noise, (state_keys.VISITOR + WHO, WHO * 20)], persisted)
    store.db.flush()
    assert in_files(tmp_path / "db", WHO)
    store.write([(state_keys.VISITOR + WHO, None), (ERASED_KEY, b"1")], persisted)
    store.db.flush()
    # The deletion itself names who was deleted, and the value is still there.
    assert in_files(tmp_path / "db", WHO)
    store.compact()
    store.close()
    assert not in_files(tmp_path / "db", WHO)
    again = opened()
    assert again.get([state_keys.VISITOR + WHO, noise[7][0]]) == [None, noise[7][1]]
    again.close()


def test_nothing_is_left_of_who_was_never_in_a_file(opened, tmp_path):
    store = opened()
    persisted = Persisted(1, "t", 1)
    store.write([(state_keys.VISITOR + WHO, WHO * 20)], persisted)
    store.write([(state_keys.VISITOR + WHO, None), (ERASED_KEY, b"1")], persisted)
    store.compact()
    store.close()
    assert not in_files(tmp_path / "db", WHO)


def test_a_crash_before_the_files_were_rewritten_is_made_up_for(opened, tmp_path):
    store = opened()
    persisted = Persisted(1, "t", 1)
    store.write([(state_keys.VISITOR + WHO, WHO * 20)], persisted)
    store.db.flush()
    store.write([(state_keys.VISITOR + WHO, None), (ERASED_KEY, b"1")], persisted)
    store.close()
    assert in_files(tmp_path / "db", WHO)
    again = opened()
    again.compact()
    again.close()
    assert not in_files(tmp_path / "db", WHO)


def test_databases_of_others_partitions_go_after_a_while(tmp_path):
    tables = tmp_path / "v1" / "tables"
    for number in (0, 1):
        (tables / f"shop-state-{number}.db").mkdir(parents=True)
        (tables / f"shop-state-{number}.db" / "000001.sst").write_bytes(WHO)
    (tables / "notes.db").mkdir()
    used = {0, 1}
    revoked = RevokedState(tmp_path, HOUR_S, lambda: used)
    now = (tables / "shop-state-0.db" / "000001.sst").stat().st_mtime
    assert revoked.put_aside(now + 10 * HOUR_S) == []
    used.remove(1)
    assert revoked.put_aside(now + HOUR_S / 2) == []
    remove(revoked.put_aside(now + 2 * HOUR_S))
    assert sorted(path.name for path in tables.iterdir()) == ["notes.db", "shop-state-0.db"]


def test_what_a_crash_left_put_aside_is_deleted_by_the_next_look(tmp_path):
    (tmp_path / ".deleted-state-1.db-5").mkdir()
    remove(RevokedState(tmp_path, HOUR_S, set).put_aside(0.0))
    assert list(tmp_path.iterdir()) == []
