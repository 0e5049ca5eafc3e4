"""Devices of one user and profiles of the shop, on a real broker: what arrives, and how it is forgotten."""

import json
import secrets

import pytest

from deploy.cluster.clients import admin, producer
from deploy.cluster.state import changelog_of
from deploy.cluster.topic_creation import ensure
from deploy.privacy import search
from deploy.privacy.linked_visitors import linked
from models.state.traits import trait
from streams.transport.routing import home
from tests.brokers import topic_names
from tests.e2e.forgetting import pathcast, until
from tests.e2e.worker import START, Worker, click, encoded, read, send
from tests.searching import in_files

pytestmark = pytest.mark.long

PARTITIONS = 4
PHONE, LAPTOP, USER = "phone-of-anna", "laptop-of-anna", "anna-the-user"


@pytest.fixture
def names(broker):
    made = topic_names()
    ensure(broker, made, partitions=PARTITIONS)
    return made


@pytest.fixture
def worker(broker, names, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")  # for tables
    with Worker(broker, names, tmp_path, session_timeout_seconds=6) as running:
        yield running


def removed(broker, *topics):
    with admin(broker) as client:
        client.delete_topics(list(topics))
    while True:
        with admin(broker) as client:
            if not {*topics} & {*client.list_topics()}:
                return


def state(worker, visitor):
    status, body = worker.get(f"/visitors/{visitor}")
    return json.loads(body)["state"] if status == 200 else None


def others(worker, visitor):
    return state(worker, visitor)["others"] or {}


def told(worker, holds, complaint, seconds=30):
    worker.wait(holds, complaint, seconds)


def profile(broker, names, key, value):
    send(broker, names.profiles, [(key.encode(), None if value is None else json.dumps(value).encode())])


def login(number, visitor, user, **fields):
    return click(number, visitor, event="login", user_id=user, **fields)


def two_devices(broker, worker, names):
    assert home(PHONE.encode(), PARTITIONS) != home(LAPTOP.encode(), PARTITIONS)
    bought = click(1, PHONE, event="purchase", value=30.0, price=30.0)
    events = [bought, login(2, PHONE, USER), click(3, LAPTOP), login(4, LAPTOP, USER), click(5, "somebody")]
    with worker.dealing_with(len(events)):
        send(broker, names.clicks, encoded(events))
    told(
        worker, lambda: (state(worker, LAPTOP)["others"] or {}).get("orders") == 1, "the order did not arrive"
    )
    told(worker, lambda: state(worker, PHONE)["others"] is not None, "nothing arrived at the phone")


def test_devices_know_each_other_profiles_come_and_go_and_a_user_is_forgotten(
    broker, names, worker, tmp_path
):
    two_devices(broker, worker, names)
    assert state(worker, LAPTOP)["user_id"] == USER
    assert state(worker, "somebody")["others"] is None

    # What the shop says: of a visitor, of a user, of a visitor who comes later, and what nobody can read.
    update = {"ts": START, "age_band": "25-34", "interests": {"shoes": 0.5}}
    profile(broker, names, PHONE, update | {"visitor_id": PHONE})
    profile(broker, names, "later", update | {"visitor_id": "later"})
    profile(broker, names, USER, {"ts": START, "region": "north", "user_id": USER})
    send(broker, names.profiles, [(b"v", b"no json"), (b"v", b'{"visitor_id": "w", "ts": 1700000000000}')])
    told(worker, lambda: state(worker, PHONE)["given"] is not None, "no profile arrived")
    assert state(worker, PHONE)["given"]["age"] == trait("25-34")
    told(
        worker,
        lambda: state(worker, LAPTOP)["others"]["traits"]["region"] == trait("north"),
        "the user's profile did not arrive",
    )
    told(worker, lambda: worker.total("pathcast_dead_letters_total") == 2, "no dead letters")
    letters = read(broker, names.dead_letters)
    kept = {dict(letter.headers)["reason"]: letter for letter in letters}
    assert sorted(kept) == [b"key_mismatch", b"malformed"]
    assert {dict(letter.headers)["source-topic"] for letter in letters} == {names.profiles.encode()}
    assert b"no json" in {letter.value for letter in letters}
    with worker.dealing_with(1):
        send(broker, names.clicks, encoded([click(6, "later")]))
    assert state(worker, "later")["given"]["age"] == trait("25-34")
    profile(broker, names, "later", None)
    told(worker, lambda: state(worker, "later")["given"] is None, "the profile was not taken back")

    # The lag of the other inputs is nil once all is read.
    lags = f'pathcast_side_lag_records{{partition="0",topic="{names.identities}"}}'
    told(worker, lambda: worker.metrics().get(lags) == 0.0, "no lag is told, or it stays")

    # Everything goes on after a restart: positions are in the state.
    assert worker.stop() == 0
    worker.start().wait_ready()
    assert state(worker, LAPTOP)["others"]["orders"] == 1
    assert worker.total("pathcast_dead_letters_total") == 0

    changelog, log = changelog_of(names.clicks), tmp_path / "log"
    assert linked(broker, changelog, USER) == sorted([PHONE, LAPTOP])
    pathcast(worker, log, "log", "ingest")
    said = json.loads(pathcast(worker, log, "visitor", "forget", "--user", USER, "--yes", "--json"))
    proof = {line["store"]: line for line in said["stores"]}
    assert proof["state (RocksDB): the user"]["found"].startswith("2 linked visitors; 2 erased")
    assert proof[f"what the shop knows of people {names.profiles}"]["found"] == "2 records"
    assert proof["event log"]["found"] == "16 rows"
    assert proof["event log"]["gone"] == "now"
    assert proof["files of present and former owners"]["gone"] == "now"
    assert int(proof[f"topic {names.identities}"]["found"].split()[0]) > 3
    for name in (PHONE, LAPTOP, USER):
        assert name not in json.dumps(said)
        assert state(worker, name) is None
        until(lambda name=name: not in_files(tmp_path / "data", name), f"{name} is left in files")
        assert not in_files(log, name)
    assert linked(broker, changelog, USER) == []
    assert {record.key: record.value for record in read(broker, names.profiles)}[USER.encode()] is None
    assert state(worker, "somebody")
    assert search.in_changelog(broker, changelog, PHONE) > 0  # former values, until it is compacted
    assert pathcast(worker, log, "state", "show").count("goes on") == PARTITIONS
    assert worker.stop() == 0


def test_forgetting_a_visitor_drops_its_snapshot(broker, names, worker, tmp_path):
    two_devices(broker, worker, names)
    profile(broker, names, PHONE, {"ts": START, "gender": "f", "visitor_id": PHONE})
    told(worker, lambda: state(worker, PHONE)["given"] is not None, "no profile arrived")
    pathcast(worker, tmp_path / "log", "visitor", "forget", PHONE, "--yes")
    told(worker, lambda: state(worker, LAPTOP)["others"] is None, "the other device still has it")
    assert state(worker, PHONE) is None
    until(lambda: not in_files(tmp_path / "data", PHONE), "left in files")


def test_links_arrive_in_less_than_a_second(broker, names, worker):
    """Also where the partitioner of the clicks is not Kafka's default."""
    strange = (home(PHONE.encode(), PARTITIONS) + 1) % PARTITIONS
    with worker.dealing_with(2):
        send(broker, names.clicks, encoded([click(1, PHONE), login(2, PHONE, USER)]), strange)
    with producer(broker) as client:
        pairs = encoded([login(3, LAPTOP, USER)])
        client.send(names.clicks, pairs[0][1], pairs[0][0], [("original-time", b"0")]).get(10)
    told(worker, lambda: state(worker, PHONE)["others"] is not None, "nothing arrived", 1.5)


def test_a_worker_where_the_topics_are_missing_says_how_to_make_them(broker, tmp_path):
    made = topic_names()
    ensure(broker, made, partitions=1)
    removed(broker, made.identities, made.profiles)
    worker = Worker(broker, made, tmp_path).start()
    assert worker.process.wait(90) == 1
    assert "missing topics: " in worker.said()
    assert all(name in worker.said() for name in (made.identities, made.profiles))
    assert "; run `pathcast topics`" in worker.said()


def test_state_of_before_goes_on_and_a_recreated_topic_is_refused(broker, names, worker, tmp_path):
    two_devices(broker, worker, names)
    assert worker.stop() == 0
    removed(broker, names.identities)
    ensure(broker, names, partitions=PARTITIONS)
    worker.start()
    assert worker.process.wait(90) == 1
    assert f"{names.identities}[" in worker.said()
    log = tmp_path / f"log{secrets.token_hex(2)}"
    # Of the phone, the laptop and perhaps their user; nothing was ever applied to the others.
    refused = pathcast(worker, log, "state", "show").count("refused")
    assert refused >= 2
    assert f"{refused} of {PARTITIONS} partitions rebased" in pathcast(
        worker, log, "state", "rebase", "--yes", "--to", "end"
    )
    worker.start().wait_ready()
    assert state(worker, LAPTOP)["others"]["orders"] == 1
    with worker.dealing_with(1):
        send(broker, names.clicks, encoded([login(9, PHONE, "someone-else")]))
    told(worker, lambda: state(worker, LAPTOP)["others"] is None, "nothing arrived by the new topic")
