"""Reasons after each click of a path: those that a worker gives where the click asks for them."""

import time

import pytest

from gateway.events.click_records import ClickReader
from gateway.predictions import path_reasons
from gateway.predictions.path_reasons import PathReasons
from gateway.predictions.predictor import PredictionsBusy, Predictor
from models.contract.aliases import event_name
from models.contract.events import Limits
from models.registry.versions import Version
from tests.gateways import event
from tests.offline import Offline, records
from tests.tiny import version as tiny

NOW = int(time.time() * 1000)


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """The first prediction compiles kernels."""
    monkeypatch.setattr(path_reasons, "MOST_SECONDS", 120.0)


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    return tiny(tmp_path_factory.mktemp("registry"))


def clicks(count=5, **changed):
    return [
        event(event_id=f"e{at}", ts=NOW + 1000 * at, item_id=f"i{at}", event="view_item") | changed
        for at in range(count)
    ]


async def reasons(version, path):
    offline = Offline(version)
    predictor = Predictor(offline.pipeline, offline.names)
    async with predictor.running():
        return await PathReasons(predictor, ClickReader(Limits(check_skew=False), event_name, True)).of(path)


async def test_they_are_those_of_a_worker_to_a_visitor_of_the_same_clicks(version):
    found = await reasons(version, [one | {"written_at": 5, "strange": 1} for one in clicks()])
    offline = Offline(version)
    answers = offline.answers(offline.process(records([one | {"explain": True} for one in clicks()])))
    expected = {one["event_id"]: one["explanation"]["text"] for one in answers["purchase-intent"]}
    assert found == expected
    assert len(expected) == 5


async def test_only_the_newest_clicks_are_explained_and_what_is_no_event_is_passed_over(version, monkeypatch):
    monkeypatch.setattr(path_reasons, "MOST_EXPLAINED", 2)
    broken = [{"event": 7}, {}, {"event_id": "x", "visitor_id": [], "ts": "soon"}]
    found = await reasons(version, [*broken, *clicks(4), *broken])
    assert sorted(found) == ["e2", "e3"]


async def test_where_predictions_are_busy_a_page_goes_without(version):
    class Busy:
        async def predict(self, path):
            raise PredictionsBusy

    reader = ClickReader(Limits(check_skew=False), event_name, True)
    assert await PathReasons(Busy(), reader).of(clicks()) == {}
