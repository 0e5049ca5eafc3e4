"""What `visitor forget` asks and waits for: no plain id, nobody who is not there, a command for each hint."""

from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from kafka.errors import CoordinatorNotAvailableError

from deploy.cli import main
from deploy.privacy import copy_confirmations, forget, proof_lines, running_workers, search, secret
from deploy.privacy.copy_confirmations import Confirmed, StillRuns, UnknownWorker
from deploy.privacy.forget import ForgetError, Proof
from deploy.privacy.search_scope import SearchScope
from deploy.privacy.secret import WrongSecret, check_secret
from deploy.privacy.stores import STORES, DataStore
from deploy.runs import event_log
from models.contract.pseudonyms import Pseudonyms
from models.privacy.erasure import FORGET, SEALED_ID, Erasure, StateCopy
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings

HIDDEN, OTHER = Pseudonyms(b"s" * 40), Pseudonyms(b"t" * 40)
WHO, GONE = "anna-plain-7f3", "0123456789abcdef"
NAMES = TopicNames.model_construct()


def places(pseudonymiser=None):
    return SearchScope(
        Connection(bootstrap_servers="nowhere:1"), NAMES, WorkerSettings(), None, pseudonymiser
    )


def copy(worker, partition, rewritten=0, at=1, pseudonyms=""):
    return StateCopy(
        worker=worker,
        place=f"{worker}:/data",
        partition=partition,
        rewritten=rewritten,
        at=at,
        pseudonyms=pseudonyms,
    )


def receipt(partition, pseudonyms="", opened=False):
    return Erasure(request="r", partition=partition, found=True, at=9, pseudonyms=pseudonyms, opened=opened)


class Producer:
    """Keeps what would be sent."""

    def __init__(self):
        self.sent = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def partitions_for(self, _topic):
        return {0, 1, 2}

    def send(self, topic, value=None, key=None, headers=(), partition=None):
        self.sent.append((topic, value, key, list(headers), partition))
        return SimpleNamespace(get=lambda _seconds: None)


@pytest.fixture
def producer(monkeypatch):
    made = Producer()
    for module in (forget, copy_confirmations):
        monkeypatch.setattr(module, "producer", lambda _to: made)
    return made


def test_with_pseudonyms_a_request_has_the_id_sealed_only(producer):
    assert forget.ask(places(HIDDEN), WHO, "r") == 3
    assert WHO not in repr(producer.sent)
    name = HIDDEN.visitor(WHO.encode()).encode()
    for topic, value, key, headers, _ in producer.sent:
        assert (topic, value, key, headers[0]) == ("clicks", None, name, (FORGET, b"r"))
        assert headers[1][0] == SEALED_ID
        assert HIDDEN.opened(name, headers[1][1]) == WHO.encode()


def test_without_pseudonyms_a_request_is_what_it_was_and_no_mark_goes_anywhere_else(producer):
    forget.ask(places(), WHO, "r")
    assert producer.sent == [("clicks", None, WHO.encode(), [(FORGET, b"r")], one) for one in range(3)]


def test_receipts_say_whether_all_owners_understood():
    mine = HIDDEN.fingerprint
    forget.check_owners(places(), [receipt(0), receipt(1)], by_id=True)
    forget.check_owners(places(HIDDEN), [receipt(0, mine, True)], by_id=True)
    with pytest.raises(ForgetError, match=r"partitions 1, 2 are of an older version.*update the workers"):
        forget.check_owners(
            places(HIDDEN), [receipt(0, mine, True), receipt(1, mine), receipt(2, mine)], by_id=True
        )
    with pytest.raises(WrongSecret, match=f"{OTHER.fingerprint}, this command by {mine}.*erased nothing"):
        forget.check_owners(places(HIDDEN), [receipt(0, OTHER.fingerprint)], by_id=True)
    with pytest.raises(WrongSecret, match=r"this command by none.*their state is erased, nothing else"):
        forget.check_owners(places(), [receipt(0, mine)], by_id=True)


def test_without_a_secret_nothing_is_sent_where_the_workers_that_spoke_last_have_one(monkeypatch):
    said = [copy("a", 0, pseudonyms="p", at=5), copy("b", 0, at=3)]
    monkeypatch.setattr(secret, "copies", lambda *_: said)
    with pytest.raises(WrongSecret, match=r"PATHCAST_PSEUDONYM_KEY_FILE.*nothing was written"):
        check_secret(places().to, NAMES, None)
    check_secret(places().to, NAMES, HIDDEN)
    # Turned off since; a datadir of former times still says otherwise.
    said[:] = [copy("a", 0, pseudonyms="p", at=5), copy("b", 0, at=7)]
    check_secret(places().to, NAMES, None)


@pytest.fixture
def clock(monkeypatch):
    """Time goes on by sleeping only."""
    now = [0.0]
    monkeypatch.setattr(copy_confirmations.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(
        copy_confirmations.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds)
    )
    return now


@pytest.mark.parametrize(
    ("members", "waits"),
    [({"a"}, copy_confirmations.GRACE), ({"a", GONE}, 60), (None, 60), ((), copy_confirmations.GRACE)],
)
def test_only_workers_that_run_are_waited_for(monkeypatch, clock, members, waits):
    said = [copy("a", 0, rewritten=9), copy(GONE, 0)]
    monkeypatch.setattr(copy_confirmations, "copies", lambda *_: said)
    monkeypatch.setattr(copy_confirmations, "_later", lambda *_: [(0, {9})])
    known = None if members is None else frozenset(members)
    monkeypatch.setattr(copy_confirmations, "running", lambda *_: known)
    found = copy_confirmations.confirmed(places(), {0: 4}, 60)
    assert waits < clock[0] <= waits + 2 * copy_confirmations.EVERY
    # Who does not run is never declared clean.
    assert [one.worker for one in found.missing] == [GONE]
    (missing,) = copy_confirmations.unconfirmed(found)
    assert missing.running == (known is None or GONE in known)
    assert missing.strike == f"pathcast state strike {GONE}"


def test_a_hint_a_worker_whatever_it_has_of_partitions():
    found = Confirmed([], [copy("a", 0), copy("a", 2), copy("b", 1)], frozenset({"b"}))
    assert [(one.worker, one.partitions, one.running) for one in copy_confirmations.unconfirmed(found)] == [
        ("a", [0, 2], False),
        ("b", [1], True),
    ]
    told = [line for line in proof_lines._copy_lines(found, 0) if line.store.startswith("files of partition")]
    assert [line.found for line in told] == [
        "not confirmed: its worker does not run",
        "not confirmed: its worker does not run",
        "not confirmed",
    ]
    assert "pathcast state strike a" in told[0].done


def test_the_command_prints_the_hint(monkeypatch):
    missing = copy_confirmations.unconfirmed(Confirmed([], [copy("a", 0), copy("a", 2)], frozenset()))
    monkeypatch.setattr(forget, "forget_visitor", lambda *_: Proof("r", 1, [], missing))
    monkeypatch.setattr(event_log, "opened", lambda: None)
    done = CliRunner().invoke(main, ["visitor", "forget", WHO, "--yes"])
    assert done.exit_code == 0, done.output
    assert (
        "a:/data may still hold the visitor (partitions 0, 2). Its worker does not run: start it"
        in done.stderr
    )
    assert "not only switched off: pathcast state strike a\n" in done.stderr
    assert WHO not in done.output


def test_a_worker_that_runs_or_that_nobody_knows_is_not_struck_off(monkeypatch, producer):
    monkeypatch.setattr(copy_confirmations, "copies", lambda *_: [copy("a", 0), copy("a", 1), copy("b", 0)])
    monkeypatch.setattr(copy_confirmations, "running", lambda *_: frozenset({"b"}))
    to = places().to
    with pytest.raises(StillRuns, match="worker b at b:/data runs"):
        copy_confirmations.strike(to, "state-copies", "shop", "b")
    with pytest.raises(UnknownWorker, match="pathcast state copies"):
        copy_confirmations.strike(to, "state-copies", "shop", "c")
    assert producer.sent == []
    assert [one.partition for one in copy_confirmations.strike(to, "state-copies", "shop", "a")] == [0, 1]
    assert [(key, value) for _, value, key, _, _ in producer.sent] == [(b"a/0", None), (b"a/1", None)]


@pytest.mark.parametrize(
    ("clients", "known"),
    [
        (["pathcast-worker-a", "pathcast-worker-b"], {"a", "b"}),
        (["pathcast-worker-a", "faust-0.11"], None),
        (None, None),
        ([], set()),
    ],
)
def test_members_are_known_where_all_say_who_they_are(monkeypatch, clients, known):
    def describe(_groups):
        if clients is None:
            raise CoordinatorNotAvailableError
        return {"shop": {"members": [{"client_id": client} for client in clients]}}

    client = SimpleNamespace(describe_groups=describe)

    class Admin:
        def __enter__(self):
            return client

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(running_workers, "admin", lambda _to: Admin())
    assert running_workers.running(places().to, "shop") == known


def test_requests_and_marks_are_told_from_what_a_shop_sends():
    def record(value, *headers):
        return SimpleNamespace(key=b"anna", value=value, headers=headers)

    request = record(None, (FORGET, b"r"))
    assert search._is_mark(request, False)
    assert search._is_mark(record(None), True)
    # On `clicks` an empty value without the header is the shop's, and is found as any other.
    assert not search._is_mark(record(None), False)
    assert not search._is_mark(record(b"{}", (FORGET, b"r")), True)


def test_every_topic_of_a_store_that_holds_something_is_searched_and_marked_where_the_table_says():
    assert "lapsing-visitors" in places().topics
    assert places().marked == ("lapsing-visitors",)
    assert all(set(store.marked) <= set(store.topics) for store in STORES)
    assert DataStore("profiles", "x", "y", topics=("profiles",), marked=("profiles",)).marked
