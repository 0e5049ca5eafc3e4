"""Answers are sealed by the key of their visitor's life: over a real RocksDB, chunk by chunk."""

import json
from collections import Counter

import pytest
import rocksdict

from models.contract.pseudonyms import Pseudonyms
from models.durations import DAY_MS
from models.privacy.envelope import Envelopes, KeyGone, WrongMaster, is_sealed
from models.privacy.keyring import Keyring
from models.state import state_keys
from streams.config.secret_file import envelopes
from streams.config.topics import ANSWERS, TopicNames
from streams.storage.partition_store import ERASED_KEY, PartitionStore, Persisted, database_options
from tests.offline import Offline, Record, processing_config, records
from tests.secret_files import refuses_what_is_no_secret
from tests.tiny import version as tiny

START = 1_700_000_000_000
MASTER = Envelopes(b"m" * 40)
NAMES = TopicNames()
TOPICS = {getattr(NAMES, role): role for role in ANSWERS}


def event(number, visitor="anna", ts=None):
    known = {"event_id": f"e{number}", "visitor_id": visitor, "event": "view_item"}
    return known | {"item_id": f"i{number % 9}", "ts": START + 1000 * number if ts is None else ts}


def forget(visitor="anna"):
    return Record(0, START, visitor.encode(), None, [("pathcast-forget", b"r1")])


class Reader:
    """Who reads all topics: answers as they came, and a key ring in step with the topic of keys."""

    def __init__(self):
        self.ring, self.answers = Keyring(MASTER), []

    def read(self, effects):
        for key, value, _ in effects.outputs.get(NAMES.visitor_keys, ()):
            self.ring.take(0, key, value)
        for topic, role in TOPICS.items():
            self.answers += [(role, key, value) for key, value, _ in effects.outputs.get(topic, ())]
        return effects

    def opened(self):
        """What can be read, in the order of the records."""
        return [json.loads(found) for found in self._tried() if found is not None]

    def lost(self):
        """Roles and keys of records whose key is gone."""
        return [answer[:2] for answer, found in zip(self.answers, self._tried(), strict=True) if not found]

    def _tried(self):
        for role, key, value in self.answers:
            try:
                yield self.ring.open(role, 0, key, value)
            except KeyGone:
                yield None


@pytest.fixture
def store(tmp_path):
    made = PartitionStore(
        rocksdict.Rdict(str(tmp_path / "db"), options=database_options(rocksdict.Cache(8 << 20)))
    )
    yield made
    made.close()


def offline(store, envelopes=MASTER, recent=10_000, version=None, **options):
    rules = processing_config(recent_visitors=recent)
    persisted = Persisted(0, "t", 0)
    write = lambda pairs: store.write(pairs, persisted)  # noqa: E731
    return Offline(version, rules, reader=store, write=write, envelopes=envelopes, **options)


def kept(store):
    return dict(store.scan(state_keys.ENVELOPE))


@pytest.mark.parametrize("recent", [10_000, 1, 0])
def test_answers_open_to_what_is_said_without_keys(store, tmp_path, recent):
    version, reader = tiny(tmp_path), Reader()
    chunk = records(event(n, f"v{n % 5}") for n in range(60))
    one, plain = offline(store, recent=recent, version=version), Offline(version)
    for at in range(0, 60, 20):
        reader.read(one.process(chunk[at : at + 20]))
    assert all(is_sealed(value) for _, _, value in reader.answers)
    assert not any(b"event_id" in value for _, _, value in reader.answers)
    said = [answer for part in plain.run(chunk, 20) for made in part.values() for answer in made]
    same = [answer | {"scored_at": 0} for answer in said]
    assert [answer | {"scored_at": 0} for answer in reader.opened()] == same
    # One key a visitor, however many chunks, and the topic has what the state has.
    assert kept(store) == {
        state_keys.ENVELOPE + key: value + b"one" for (_, key), value in reader.ring._wrapped.items()
    }
    assert len(kept(store)) == 5
    assert len(one.pipeline.caches[0].envelopes) == min(5, recent)
    # What the worker shows of a visitor is not sealed.
    assert json.loads(one.lookups.look_up("v1")["answers"][0])["visitor_id"] == "v1"


def test_without_a_master_secret_not_a_byte_is_different(tmp_path):
    plain, sealing = Offline(), Offline(envelopes=MASTER)
    chunk = records(event(n, f"v{n % 5}") for n in range(30))
    effects = plain.process([*chunk, forget("v1")])
    sealing.process([*chunk, forget("v1")])
    assert set(effects.outputs) == {*TOPICS, NAMES.erasures}
    assert not [key for key in plain.state if key.startswith(state_keys.ENVELOPE)]
    own = {key for key in sealing.state if key.startswith(state_keys.ENVELOPE)} | {ERASED_KEY}
    assert {key: value for key, value in sealing.state.items() if key not in own} == {
        key: value for key, value in plain.state.items() if key not in own
    }
    assert not plain.pipeline.caches[0].keyed


def test_a_restart_goes_on_with_the_same_key(store):
    reader = Reader()
    reader.read(offline(store).process(records([event(0)])))
    before = kept(store)
    reader.read(offline(store).process(records([event(1)])))
    assert kept(store) == before
    assert [answer["event_id"] for answer in reader.opened()] == ["e0"] * 3 + ["e1"] * 3


def test_a_key_of_a_transaction_that_came_to_nothing_seals_nothing_that_did(store):
    one, reader = offline(store), Reader()
    commit, one.commit = one.commit, lambda effects: None
    aborted = one.process(records([event(0)]))
    one.commit = commit
    assert kept(store) == {}
    reader.read(one.process(records([event(0)])))
    reader.read(one.process(records([event(1)])))
    assert len(reader.opened()) == 6
    ((_, wrapped, _),) = aborted.outputs[NAMES.visitor_keys]
    assert wrapped + b"one" not in kept(store).values()


def test_forgetting_deletes_the_key_in_the_same_transaction_and_others_keep_theirs(store):
    one, reader = offline(store), Reader()
    reader.read(one.process(records(event(n, "bob" if n % 2 else "anna") for n in range(10))))
    effects = reader.read(one.process([*records([event(10)]), forget()]))
    assert effects.outputs[NAMES.visitor_keys] == [(b"anna", None, [])]
    assert (state_keys.ENVELOPE + b"anna", None) in effects.state
    assert set(kept(store)) == {state_keys.ENVELOPE + b"bob"}
    # Also what the same chunk has answered before; whoever reads later finds none of it.
    assert Counter(reader.lost()) == {(role, b"anna"): 6 for role in ANSWERS}
    assert state_keys.VISITOR + b"anna" not in one.pipeline.caches[0].envelopes


def test_who_comes_back_has_another_key(store):
    one, reader = offline(store), Reader()
    reader.read(one.process(records([event(0)])))
    first = kept(store)
    reader.read(one.process([*records([event(1)]), forget(), *records([event(2), event(3)])]))
    assert set(kept(store)) == set(first)
    assert kept(store) != first
    reader.read(one.process(records([event(4)])))
    still = {answer["event_id"] for answer in reader.opened()}
    assert still == {"e2", "e3", "e4"}


def test_a_visitor_new_and_forgotten_in_one_chunk_leaves_no_key(store):
    one = offline(store)
    effects = one.process([*records([event(0)]), forget()])
    assert kept(store) == {}
    assert effects.outputs[NAMES.visitor_keys] == [(b"anna", None, [])]


def test_a_key_goes_when_its_visitor_expires_and_with_the_first_click_after(store):
    one, reader = offline(store), Reader()
    reader.read(one.process(records([event(0), event(1, "bob")])))
    late = START + 400 * DAY_MS
    reader.read(one.process(records([event(2, "bob", late)])))
    assert set(kept(store)) == {state_keys.ENVELOPE + b"bob"}
    assert {answer["event_id"] for answer in reader.opened()} == {"e2"}


def test_turned_off_what_was_sealed_is_still_forgotten_and_expires(store):
    on = offline(store)
    on.process(records([event(0), event(1, "bob"), event(2, "zoe")]))
    off = offline(store, envelopes=None)
    effects = off.process([*records([event(3)]), forget(), *records([event(4)])])
    assert not any(is_sealed(value) for topic in TOPICS for _, value, _ in effects.outputs[topic])
    assert NAMES.visitor_keys not in effects.outputs
    assert set(kept(store)) == {state_keys.ENVELOPE + b"bob", state_keys.ENVELOPE + b"zoe"}
    off.process(records([event(5, "zoe", START + 400 * DAY_MS)]))
    assert state_keys.ENVELOPE + b"bob" not in kept(store)


def test_a_topic_of_keys_that_was_made_anew_gets_them_again(store):
    offline(store).process(records([event(0), event(1, "bob")]))
    before, reader = kept(store), Reader()
    one = offline(store, topic_id="two")
    reader.read(one.process(records([event(2)])))
    # The same key, so that what was sealed with it before can be read again.
    assert reader.ring._wrapped == {(0, b"anna"): before[state_keys.ENVELOPE + b"anna"].removesuffix(b"one")}
    assert len(reader.opened()) == 3
    assert NAMES.visitor_keys not in one.process(records([event(3)])).outputs
    again = offline(store, topic_id="two").process(records([event(4), event(5, "bob")]))
    assert [key for key, _, _ in again.outputs[NAMES.visitor_keys]] == [b"bob"]


def test_with_pseudonyms_the_key_is_the_pseudonyms(store):
    hidden, reader = Pseudonyms(b"s" * 40), Reader()
    reader.read(offline(store, pseudonyms=hidden).process(records([event(0)])))
    name = hidden.visitor(b"anna").encode()
    assert set(kept(store)) == {state_keys.ENVELOPE + name}
    assert reader.opened()[0]["visitor_id"] == name.decode()


def test_a_partition_is_not_opened_with_another_master_secret(store):
    offline(store).process(records([event(0)]))
    with pytest.raises(WrongMaster, match="PATHCAST_ENVELOPE_KEY_FILE"):
        offline(store, envelopes=Envelopes(b"n" * 40))


def test_the_master_secret_comes_from_a_file_and_is_never_shown(tmp_path):
    file = tmp_path / "master"
    refuses_what_is_no_secret(envelopes, file, "PATHCAST_ENVELOPE_KEY_FILE")
    file.write_bytes(b"m" * 40 + b"\n")
    key = MASTER.wrap(b"anna", b"k" * 32, b"n" * 12)
    assert envelopes(file).unwrap(b"anna", key).name == b"n" * 8
