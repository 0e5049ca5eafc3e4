"""With pseudonyms no command writes or prints an id; without them the proof counts what there was."""

import json
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from deploy.cluster.clients import consumer, drain
from deploy.cluster.state import changelog_of
from deploy.cluster.topic_creation import ensure
from deploy.privacy.running_workers import running
from models.contract.pseudonyms import Pseudonyms
from models.durations import DAY_MS
from models.privacy.erasure import FORGET, StateCopy
from streams.config.topic_headers import REPLAY_ATTEMPT, REPLAYED_FROM
from streams.texts.dead_letter import HEADERS
from tests.brokers import topic_names
from tests.e2e.worker import REPLAYED, START, Worker, click, encoded, read, send
from tests.searching import in_files
from tests.tiny import announce
from tests.tiny import version as tiny

pytestmark = pytest.mark.long

SECRET = "s" * 40
HIDDEN = Pseudonyms(SECRET.encode())
WHO, USER, NOBODY = "anna-plain-7f3", "anna-user-5c1", "nobody-plain-8e4"
IDS = (WHO, USER, NOBODY)
GONE = "0123456789abcdef"
AT = ("--as-of", str(START + 25 * DAY_MS), "--min-probability", "0.2")
VISITORS = 80


def visits():
    """Most come on one day, every fourth for six days; the first of these is the one to be forgotten."""
    events = []
    for day in range(6):
        for number in range(VISITORS):
            if day == 0 or number % 4 == 0:
                own = {"event": "purchase", "value": 40.0} if number == 4 and day == 5 else {}
                who = WHO if number == 0 else f"v{number}"
                ts = START + day * DAY_MS + 1000 * number
                events.append(click(len(events), who, ts, user_id=USER, **own))
    return events


def refused():
    """Inputs that name the visitor wherever one can, each of which is a dead letter."""
    late = click(900, WHO, START - 5 * DAY_MS)
    values = [b"no json " + WHO.encode(), json.dumps(WHO).encode(), json.dumps(late).encode()]
    values += [json.dumps(click(901, "another")).encode(), json.dumps(click(902, WHO) | {"ts": WHO}).encode()]
    values += [json.dumps(click(903, WHO) | {"schema_version": WHO}).encode()]
    values += [json.dumps(click(904, WHO) | {"event": WHO}).encode()]
    return [(WHO.encode(), value) for value in values]


IN_TURN = """
import json, sys
from deploy.cli import main
for words in json.loads(sys.argv[1]):
    try:
        main(words, prog_name="pathcast")
    except SystemExit as done:
        if done.code:
            print(words[:2], "failed", file=sys.stderr)
            raise
"""


class Commands:
    """Runs commands beside a worker and keeps all that they print."""

    def __init__(self, worker, log):
        self.worker, self.said, self.out = worker, [], ""
        own = {"PATHCAST_TRAINER_LOG": str(log), "PATHCAST_TRAINER_GROUP": worker.names.items}
        self.environment = worker.environment | own

    def __call__(self, *arguments, status=0, without=()):
        program = [Path(sys.executable).parent / "pathcast", *arguments]
        return self._run(program, status, without, arguments[:2])

    def all(self, commands):
        """Several commands in one process, since most of a short one's time is to load it."""
        return self._run([sys.executable, "-c", IN_TURN, json.dumps(commands)], 0, (), "several")

    def _run(self, program, status, without, called):
        environment = {name: value for name, value in self.environment.items() if name not in without}
        done = subprocess.run(
            program,
            env=environment,
            cwd=self.worker.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr + done.stdout
        self.said.append(f"$ {called}\n{done.stdout}{done.stderr}")
        self.out = done.stdout
        return done.stdout + done.stderr

    def proof(self, who, *options):
        """Of forgetting, by store."""
        self("visitor", "forget", who, "--yes", "--json", *options)
        said = json.loads(self.out)
        return said, {line["store"]: line for line in said["stores"]}


def records_of(broker, topic):
    """All records, of aborted transactions too."""
    with consumer(broker, isolation_level="read_uncommitted") as client:
        return list(drain(client, topic)) if client.partitions_for_topic(topic) else []


def own_parts(names, topic, record):
    """What the shop did not send: of clicks the commands' own, of dead letters the worker's headers."""
    headers = list(record.headers)
    if topic == names.dead_letters:
        return headers[: len(HEADERS)]
    shops = [one for one in headers if one[0] not in (REPLAYED_FROM, REPLAY_ATTEMPT)] == REPLAYED
    return [] if topic == names.clicks and shops else [record.key, record.value, headers]


def on_topics(broker, names, *texts):
    """Topics on which a text stands, beyond what the shop sent."""
    topics = [*names.model_dump().values(), changelog_of(names.clicks)]
    found = {}
    for topic in topics:
        said = repr([own_parts(names, topic, record) for record in records_of(broker, topic)])
        found[topic] = [text for text in texts if text in said]
    return {topic: texts for topic, texts in found.items() if texts}


@pytest.fixture
def names(broker):
    made = topic_names()
    ensure(broker, made, partitions=2)
    return made


def lose(broker, names):
    """A datadir that was deleted with its machine."""
    copy = StateCopy(worker=GONE, place="gone:/srv/data", partition=0, rewritten=0, at=1)
    send(broker, names.state_copies, [(copy.key.encode(), msgspec.json.encode(copy))])


def test_no_command_lets_an_id_out(broker, names, tmp_path):
    folder, log, secret = tmp_path / "worker", tmp_path / "log", tmp_path / "secret"
    folder.mkdir()
    secret.write_text(SECRET + "\n")
    with Worker(broker, names, folder, pseudonym_key_file=secret, log_level="debug") as worker:
        version = tiny(folder / "registry")
        announce(broker, names.model_updates, folder / "registry", version.id)
        worker.wait(lambda: worker.total("pathcast_model_swaps_total") == 1, "no model")
        run = Commands(worker, log)
        events, wrong = visits(), refused()
        with worker.dealing_with(len(events) + len(wrong)):
            send(broker, names.clicks, encoded(events))
            send(broker, names.clicks, wrong)
        answers = [worker.get(f"/visitors/{WHO}{more}")[1] for more in ("", "/explanation")]
        look(run, worker, tmp_path)
        run("score-lapsing", *AT)
        blind = {"without": ("PATHCAST_PSEUDONYM_KEY_FILE",), "status": 1}
        before = len(records_of(broker, names.clicks))
        assert "this command by none" in run("visitor", "forget", WHO, "--yes", **blind)
        assert "this command by none" in run("log", "ingest", **blind)
        assert len(records_of(broker, names.clicks)) == before

        forget_with_a_lost_datadir(run, broker, names)
        run("log", "forget", WHO)
        run("log", "ingest")
        look(run, worker, tmp_path)
        run("score-lapsing", *AT)
        answers += [worker.get("/metrics")[1], worker.get(f"/visitors/{WHO}")[1]]
        assert worker.stop() == 0
    # The search finds what is there, so that what it does not find is not there.
    name = HIDDEN.visitor(WHO.encode())
    there = on_topics(broker, names, name).keys()
    assert {names.clicks, names.purchase_intent, names.lapsing_visitors} < there
    assert in_files(folder / "data", HIDDEN.visitor(b"v4"))
    assert in_files(log, HIDDEN.visitor(b"v4"))

    assert on_topics(broker, names, *IDS) == {}
    assert in_files(tmp_path, *IDS) == []
    printed = "\n".join([*run.said, *answers, worker.said()])
    assert [line for line in printed.splitlines() if any(one in line for one in IDS)] == []
    assert SECRET not in printed


def look(run, worker, folder):
    """All commands that show or write something and change nothing of a visitor."""
    commands = [
        ("visitor", "stores"),
        ("visitor", "pseudonym", WHO),
        ("visitor", "pseudonym", USER, "--user"),
        ("log", "ingest"),
        ("log", "stats"),
        ("log", "export", str(folder / "export.parquet")),
        ("log", "compact"),
        ("score-lapsing", *AT, "--dry-run"),
        ("decisions", "verify"),
        ("models", "list"),
        ("state", "show"),
        ("state", "copies"),
        ("dead-letters", "list"),
        ("dead-letters", "replay", "--reason", "key_mismatch"),
    ]
    for letter in read(worker.broker, worker.names.dead_letters):
        place = ("--partition", str(letter.partition), "--offset", str(letter.offset))
        commands.append(("dead-letters", "show", *place))
    said, reasons = run.all(commands), ("malformed", "key_mismatch", "late", "invalid", "unknown_schema")
    assert all(reason in said for reason in reasons)


def forget_with_a_lost_datadir(run, broker, names):
    """Forget; strike the datadir off; forget again, and somebody who never was."""
    lose(broker, names)
    began = time.monotonic()
    said, proof = run.proof(WHO, "--timeout", "300")
    assert time.monotonic() - began < 150  # only running workers have the whole time
    (missing,) = said["unconfirmed"]
    assert (missing["worker"], missing["running"], missing["partitions"]) == (GONE, False, [0])
    assert missing["strike"] == f"pathcast state strike {GONE}"
    assert proof["files of present and former owners"]["gone"] == "where listed below"
    assert proof["state (RocksDB)"]["found"].startswith("a record in partition")
    assert proof[f"topic {names.lapsing_visitors}"]["found"] == "1 records"
    told = run("visitor", "forget", WHO, "--yes")
    assert "may still hold the visitor (partitions 0). Its worker does not run: start it" in told
    command = missing["strike"].split()
    assert "only switched off?" in run(*command[1:], status=1)  # nobody says yes
    alive = next(iter(running(broker, names.clicks)))
    assert "runs" in run("state", "strike", alive, "--yes", status=1)
    assert "1 copies at gone:/srv/data are removed" in run(*command[1:], "--yes")
    assert "no files of the state are known" in run(*command[1:], "--yes", status=1)

    said, proof = run.proof(WHO)
    assert said["unconfirmed"] == []
    assert proof["files of present and former owners"]["gone"] == "now"
    assert proof["state (RocksDB)"]["found"] == "no record"
    said, proof = run.proof(NOBODY)
    assert {line["found"] for store, line in proof.items() if store.startswith("topic ")} == {"0 records"}


def test_the_proof_counts_what_there_was_and_not_its_own_marks(broker, names, tmp_path):
    (tmp_path / "worker").mkdir()
    lapsing, clicks = f"topic {names.lapsing_visitors}", f"topic {names.clicks}"
    with Worker(broker, names, tmp_path / "worker") as worker:
        run, events = Commands(worker, tmp_path / "log"), visits()
        with worker.dealing_with(len(events)):
            send(broker, names.clicks, encoded(events))
        _, proof = run.proof(NOBODY)
        assert proof[lapsing] == {"store": lapsing, "found": "0 records", "done": "", "gone": "now"}
        # The request itself names somebody who was not there, until the topic drops it.
        assert (proof[clicks]["found"], proof[clicks]["gone"] > "2") == ("0 records", True)
        assert "only requests" in proof[clicks]["done"]
        assert records_of(broker, names.lapsing_visitors) == []

        run("score-lapsing", *AT)
        theirs = [one for one in records_of(broker, names.lapsing_visitors) if one.key == WHO.encode()]
        _, proof = run.proof(WHO)
        assert (proof[lapsing]["found"], proof[clicks]["found"]) == ("1 records", "6 records")
        marks = [one for one in records_of(broker, names.lapsing_visitors) if one.value is None]
        assert [(one.key, one.partition) for one in marks] == [(WHO.encode(), theirs[0].partition)]
        _, proof = run.proof(WHO)
        assert (proof[lapsing]["found"], proof[clicks]["found"]) == ("1 records", "6 records")
        assert len([one for one in records_of(broker, names.lapsing_visitors) if one.value is None]) == 1
        requests = [one for one in records_of(broker, names.clicks) if one.headers[0][0] == FORGET]
        assert {one.key for one in requests} == {WHO.encode(), NOBODY.encode()}
        assert worker.stop() == 0
