"""The per-event programs that the benchmark measures beside the worker do its job: the same answers."""

import time
from dataclasses import replace

import pytest

pytest.importorskip("quixstreams", reason="the `bench` extra is not installed: pip install -e '.[bench]'")

from tests.bench.clicks import Log, rows
from tests.bench.filling import fill
from tests.bench.full import DEADLINE_MS, DENSITY, HOUR_MS
from tests.bench.ground import Ground
from tests.bench.model import ENCODER, model
from tests.bench.per_event import ENGINES, engine
from tests.bench.sizes import QUICK
from tests.bench.working import settle, worker
from tests.e2e.worker import decoded

pytestmark = pytest.mark.long

CLICKS, VISITORS = 400, 60
#: A chunk's products may differ from a single click's in their last bits.
NEAR = 2e-4
#: Fields of an answer that depend on when it was made, or on scores.
APART = {"scored_at", "purchase_probability", "items", "context", "propensity", "probabilities"}


@pytest.fixture(scope="module")
def ground(broker, tmp_path_factory):
    return Ground(broker.bootstrap_servers, tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return model(Log(), replace(QUICK, trained=4_000), ENCODER, tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def expected(broker, ground, trained):
    """The topic of the clicks, and the worker's answers by topic and event id."""
    place = settle(ground, "same-job", trained)
    stream = Log().stream(CLICKS, DENSITY, int(time.time() * 1000) - HOUR_MS, VISITORS)
    with worker(place, PATHCAST_DEADLINE_MS=DEADLINE_MS) as (found, _):
        fill(ground.bootstrap, place.names.clicks, rows(stream))
        ground.steady(place.names.ad_decisions, CLICKS, found.running, whole=True)
    return place.names.clicks, [by_event(broker, topic) for topic in place.answers]


def by_event(broker, topic):
    return {answer["event_id"]: answer for answer in decoded(broker, topic)}


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_gives_the_workers_answers(broker, ground, trained, expected, name):
    topic, theirs = expected
    assert [len(answers) for answers in theirs] == [CLICKS] * 3
    with engine(ground, name, topic, trained, []) as (outputs, running):
        ground.steady(outputs[-1], CLICKS, running)
        ours = [by_event(broker, output) for output in outputs]
    assert [answers.keys() for answers in ours] == [answers.keys() for answers in theirs]
    for one, other in zip(ours, theirs, strict=True):
        for event, answer in one.items():
            compare(answer, other[event])


def compare(one, other):
    assert one.keys() == other.keys()
    heads = {name for name, value in one.items() if isinstance(value, float | dict)} - APART
    for name in one.keys() - APART - heads:
        assert one[name] == other[name], name
    for name in heads | ({"purchase_probability", "propensity"} & one.keys()):
        assert one[name] == pytest.approx(other[name], abs=0.02 if name in heads else NEAR), name
    if "items" in one:
        scores = {item["item_id"]: item["score"] for item in other["items"]}
        last = min(scores.values())
        for item in one["items"]:
            assert item["score"] == pytest.approx(scores.get(item["item_id"], last), abs=NEAR)
