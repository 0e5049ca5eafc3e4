"""Models are moved as by `pathcast models`: asked for, confirmed, entered in the ledger."""

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from gateway.dashboard.figures.registry_desk import RegistryDesk
from tests.dashboard_app import application
from tests.dashboard_records import NOW, clicks, filled
from trainer.promotion.ledger import Ledger
from trainer.promotion.promotions import Promotions

LOCAL = {"base_url": "http://127.0.0.1", "client": ("127.0.0.1", 50_000)}
OLD, NEW = "20260101T000000-000000000001", "20260102T000000-000000000002"


class Loaded:
    """A version as promotions see it."""

    created_at = NOW

    def __init__(self, path: Path) -> None:
        self.path, self.id = path, path.name


@pytest.fixture
def registry(tmp_path):
    for name in (OLD, NEW):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text("{}")
    return tmp_path


@pytest.fixture
def told():
    return []


@pytest.fixture
def client(registry, told):
    def moves(by):
        return Promotions(registry, lambda one: told.append(one.id), lambda: NOW, by, load=Loaded)

    def ask(by, reason):
        told.append(f"{by} asks: {reason}")
        return "r1"

    feed = filled(clicks(seed=2, count=50))
    return TestClient(application(feed, desk=RegistryDesk(registry, moves, ask)), **LOCAL)


def post(client, **fields):
    answer = client.post("/dashboard/moves", data={"reason": "better on Sundays", **fields})
    assert answer.status_code == 200
    return re.search(r'<p class="told"[^>]*>(.*?)</p>', answer.text)[1]


def test_nothing_happens_before_a_move_is_confirmed(client, registry, told):
    assert post(client, move="promote", version=NEW).startswith("Please confirm")
    assert (told, Ledger(registry).entries()) == ([], [])
    assert post(client, move="promote", version=NEW, confirmed="yes") == f"{NEW} serves."
    entry = Ledger(registry).entries()[-1]
    assert told == [NEW]
    assert (entry.version, entry.by, entry.reason) == (NEW, "dashboard: local", "better on Sundays")


def test_all_moves(client, registry, told):
    for move, version, expected in [
        ("promote", OLD, f"{OLD} serves."),
        ("promote", NEW, f"{NEW} serves."),
        ("rollback", "", f"{OLD} serves."),
        ("pin", OLD, f"{OLD} serves, pinned."),
        ("release", "", f"{OLD} is released."),
        ("retrain", "", "A training run is requested as r1."),
    ]:
        assert post(client, move=move, version=version, confirmed="yes") == expected
    assert told[-1] == "dashboard: local asks: better on Sundays"
    assert Ledger(registry).status().serving == OLD


def test_a_move_that_cannot_be_made_says_why_and_changes_nothing(client, registry):
    assert "no version is pinned" in post(client, move="release", confirmed="yes")
    assert "is no version" in post(client, move="promote", version="../../etc", confirmed="yes")
    assert "Nothing was changed" in post(client, move="promote", version="v" * 300, confirmed="yes")
    assert "is no version" in post(client, move="pin", version="\0", confirmed="yes")
    assert "Choose a move" in post(client, move="promote", confirmed="yes")
    assert "Choose a move" in post(client, move="delete", version=NEW, confirmed="yes")
    assert "reason is missing" in post(client, move="promote", version=NEW, confirmed="yes", reason=" ")
    assert Ledger(registry).entries() == []


def test_the_page_shows_versions_their_reports_and_the_ledger(client, registry):
    (registry / NEW / "gate").mkdir()
    (registry / NEW / "gate" / "report.json").write_text('{"verdict": "promoted", "reason": "it is ahead"}')
    (registry / OLD / "gate").mkdir()
    (registry / OLD / "gate" / "report.json").write_text("{")
    post(client, move="promote", version=NEW, confirmed="yes")
    text = client.get("/dashboard/models").text
    assert "it is ahead" in text
    assert "not judged" in text
    assert "dashboard: local" in text
