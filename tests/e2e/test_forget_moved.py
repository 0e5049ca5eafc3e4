"""`pathcast visitor forget` where partitions have moved: former owners' files go too, and all say so."""

import json
import secrets
import shutil

import pytest

from deploy.cluster.topic_creation import ensure
from deploy.privacy.copy_confirmations import copies
from tests.brokers import topic_names
from tests.e2e.forgetting import pathcast, until
from tests.e2e.worker import Worker, click, encoded, send
from tests.searching import in_files

pytestmark = pytest.mark.long

CLICKS = 60
#: Two workers at once, and partitions that move between them, take a busy machine a while.
PATIENCE = 240.0


def visitors():
    """Ids of chance, so that they are on both partitions and no two have a piece in common."""
    return [secrets.token_hex(16) for _ in range(12)]


def traces(worker, who):
    """Files of a datadir with any piece of the id: an index has keys that are cut off."""
    return in_files(worker.folder / "data", *(who[at : at + 10] for at in range(len(who) - 9)))


def owned_by(worker, ids):
    return [one for one in ids if worker.get(f"/visitors/{one}")[0] == 200]


@pytest.fixture
def topics(broker):
    names = topic_names()
    ensure(broker, names, partitions=2)
    return names


@pytest.fixture
def workers(broker, topics, tmp_path):
    """Two that are not started yet, with datadirs of their own."""
    made = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        made.append(Worker(broker, topics, tmp_path / name))
    yield made
    for worker in made:
        worker.kill()


def forget(worker, log, who):
    said = pathcast(worker, log, "visitor", "forget", who, "--yes", "--json", "--timeout", "20")
    return {line["store"]: line for line in json.loads(said)["stores"]}


def test_no_former_owner_keeps_a_forgotten_visitor(broker, topics, workers, tmp_path):
    first, second = workers
    ids, log, summary = visitors(), tmp_path / "log", "files of present and former owners"
    with first.start().wait_ready().dealing_with(CLICKS):
        send(broker, topics.clicks, encoded(click(n, ids[n % len(ids)]) for n in range(CLICKS)))
    second.start().wait_ready(PATIENCE)
    until(lambda: owned_by(first, ids) and owned_by(second, ids), "no partition moved", PATIENCE)
    first.wait_ready(PATIENCE)
    # The first worker's database of the partition that moved is closed, and has its visitors.
    mine, moved = owned_by(first, ids), owned_by(second, ids)
    assert sorted(mine + moved) == sorted(ids)
    assert traces(first, moved[0])

    proof = forget(second, log, moved[0])
    assert proof[summary]["found"] == "2 of 2 copies left confirm that they are clean"
    assert proof[summary]["gone"] == "now"
    assert not traces(first, moved[0])
    assert not traces(second, moved[0])
    assert second.get(f"/visitors/{moved[1]}")[0] == 200

    # A former owner that does not run cannot delete: the proof says where that is.
    assert second.stop() == 0
    first.wait(lambda: len(owned_by(first, ids)) == len(ids) - 1, "partitions not taken over")
    assert traces(second, moved[1])
    proof = forget(first, log, moved[1])
    assert proof[summary]["found"] == "2 of 3 copies left confirm that they are clean"
    (missing,) = [line for name, line in proof.items() if str(second.folder / "data") in name]
    assert missing["gone"].endswith("where its worker runs; else delete the folder")
    assert traces(second, moved[1])

    # Started again it deletes or rewrites, whichever partition it gets.
    second.start().wait_ready(PATIENCE)
    until(lambda: not traces(second, moved[1]), "the second has the visitor", PATIENCE)
    proof = forget(first, log, moved[1])
    assert proof[summary]["gone"] == "now"

    # What nobody can confirm any more, an operator takes back.
    assert second.stop() == 0
    first.wait(lambda: len(owned_by(first, ids)) == len(ids) - 2, "partitions not taken over")
    shutil.rmtree(second.folder / "data")
    lost = [one for one in copies(broker, topics.state_copies) if str(second.folder) in one.place]
    pathcast(first, log, "state", "copies", "--remove-worker", lost[0].worker)
    left = copies(broker, topics.state_copies)
    assert {(one.place.endswith(str(first.folder / "data")), one.partition) for one in left} == {
        (True, 0),
        (True, 1),
    }
