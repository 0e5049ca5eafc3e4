"""Pseudonyms from outside: no id beyond `clicks`, and forgetting by the id with the same secret only."""

import json
import subprocess
import sys
from pathlib import Path

from deploy.cluster.clients import consumer, drain
from deploy.cluster.state import changelog_of
from models.contract.pseudonyms import Pseudonyms
from tests.e2e.forgetting import pathcast
from tests.e2e.worker import ROLES, Worker, click, encoded, read, send
from tests.searching import in_files

WHO, SECRET = "someone-very-special", "s" * 40
NAME = Pseudonyms(SECRET.encode()).visitor(WHO.encode())


def test_ids_stay_on_clicks_and_are_forgotten_by_the_same_secret(broker, topics, tmp_path):
    (tmp_path / "worker").mkdir()
    secret, log = tmp_path / "secret", tmp_path / "log"
    secret.write_text(SECRET + "\n")
    with Worker(broker, topics, tmp_path / "worker", pseudonym_key_file=secret) as worker:
        with worker.dealing_with(21):
            send(broker, topics.clicks, encoded(click(n, WHO, user_id=WHO) for n in range(20)))
            send(broker, topics.clicks, [(WHO.encode(), b"no json")])
        for role in ROLES:
            answers = [record for record in read(broker, getattr(topics, role)) if record.key]
            assert len(answers) == 20
            assert {(one.key.decode(), json.loads(one.value)["visitor_id"]) for one in answers} == {
                (NAME, NAME)
            }
            assert WHO.encode() not in b"".join(one.value for one in answers)
        assert WHO.encode() not in changelog(broker, topics)
        assert WHO not in worker.get(f"/visitors/{WHO}")[1]
        assert WHO not in worker.get("/metrics")[1]
        assert pathcast(worker, log, "visitor", "pseudonym", WHO).strip() == NAME
        pathcast(worker, log, "log", "ingest")
        assert not in_files(log, WHO)

        refused = without_secret(worker, log)
        assert "this command by none" in refused
        said = json.loads(pathcast(worker, log, "visitor", "forget", WHO, "--yes", "--json"))
        proof = {line["store"]: line for line in said["stores"]}
        assert proof[f"topic {topics.purchase_intent}"]["found"] == "20 records"
        assert proof[f"topic {topics.dead_letters}"]["found"] == "1 records"
        assert proof["event log"]["found"] == "81 rows"
        assert proof["event log"]["gone"] == "now"
        assert worker.get(f"/visitors/{WHO}")[0] == 404
        assert worker.stop() == 0
    assert WHO not in worker.said()
    assert SECRET not in worker.said()
    assert not in_files(worker.folder / "data", NAME)


def changelog(broker, topics):
    with consumer(broker) as client:
        found = list(drain(client, changelog_of(topics.clicks)))
    return b"".join((record.key or b"") + (record.value or b"") for record in found)


def without_secret(worker, log):
    environment = {k: v for k, v in worker.environment.items() if k != "PATHCAST_PSEUDONYM_KEY_FILE"}
    done = subprocess.run(
        [Path(sys.executable).parent / "pathcast", "visitor", "forget", WHO, "--yes", "--timeout", "60"],
        env=environment | {"PATHCAST_TRAINER_LOG": str(log)},
        cwd=worker.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    return done.stderr
