"""Deadlines: which tier there is time for, and that a skipped one is tried again."""

import json
import time
from types import SimpleNamespace

import pytest

from models.contract.events import Click
from models.contract.predictions import FallbackTier
from models.features.batch import Batcher
from models.features.features import row
from models.scoring.popularity import Popularity
from models.scoring.scores import ScoringError
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from streams.pipeline import scoring
from streams.pipeline.deadline import Deadline
from tests.tiny import version as tiny


def test_a_rung_never_measured_is_tried():
    assert Deadline(0.01).allows("neural", 10_000, 0.0)


def test_a_rung_is_refused_when_the_time_is_spent():
    assert not Deadline(0.01).allows("neural", 1, 0.02)


def test_what_a_rung_cost_decides_for_the_next_chunk():
    deadline = Deadline(0.1)
    deadline.measured("neural", 100, 0.01)
    assert deadline.allows("neural", 1000, 0.0)
    assert not deadline.allows("neural", 1001, 0.0)
    assert not deadline.allows("neural", 900, 0.02)
    assert deadline.allows("session_knn", 10_000, 0.0)


def test_the_newest_measurement_has_a_fifth_of_the_weight():
    deadline = Deadline(1.0)
    deadline.measured("neural", 100, 0.10)
    deadline.measured("neural", 100, 0.20)
    assert deadline.costs["neural"].per_click == pytest.approx(0.0012)
    deadline.measured("neural", 0, 5.0)
    assert deadline.costs["neural"].per_click == pytest.approx(0.0012)


def test_a_slow_first_call_of_a_few_clicks_does_not_forbid_a_large_one():
    deadline = Deadline(2.0)
    deadline.measured("neural", 3, 0.9)
    assert deadline.allows("neural", 2_000, 0.5)
    deadline.measured("neural", 2_000, 1.1)
    assert deadline.costs["neural"].of(2_000) == pytest.approx(1.1)
    assert not deadline.allows("neural", 2_000, 1.0)


def test_a_skipped_rung_is_tried_again_after_a_while():
    deadline = Deadline(0.1)
    deadline.measured("neural", 1, 0.5)
    tries = next(number for number in range(100) if deadline.allows("neural", 1, 0.0))
    assert 10 < tries < 30


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    return tiny(tmp_path_factory.mktemp("registry"))


def batcher(items=("i1", "i2")):
    batcher, visitor = Batcher(), None
    slot = batcher.visitor(None)
    for number, item in enumerate(items):
        click = Click(
            event_id=f"e{number}", visitor_id="v", ts=10**12 + number, event="view_item", item_id=item
        )
        visitor, facts = step(visitor, click, click.ts, SessionConfig())
        batcher.click(slot, facts.code, facts.position, row(visitor, click, facts))
    return batcher


def names(scored):
    """Item ids as published."""
    return [[item["item_id"] for item in json.loads(listed)] for listed in scored.items]


def climbed(version, deadline, fetched_at=None):
    counts = SimpleNamespace(popularity=Popularity([("i5", 0, 3)]))
    chunk, since = batcher(), fetched_at or time.monotonic()
    work = SimpleNamespace(fetched_at=since)
    waiting = SimpleNamespace(work=work, batchers=[chunk])
    found = scoring.neural([chunk], version, deadline) if scoring.in_time([waiting], deadline) else None
    return found[0] if found else scoring.fallback(chunk.build(), version, counts, deadline, since)


def test_chunks_scored_together_get_the_answers_they_get_alone(version):
    chunks = [batcher(("i1",)), batcher(()), batcher(("i2", "i7", "i1")), batcher(("i3", "i4"))]
    together = scoring.neural(chunks, version, Deadline(60.0))
    alone = [scoring.neural([chunk], version, Deadline(60.0)) for chunk in chunks]
    for one, (other,) in zip(together, alone, strict=True):
        assert one.hidden == other.hidden
        assert one.purchase == pytest.approx(other.purchase, abs=1e-5)
        assert (names(one), one.tiers) == (names(other), other.tiers)


def waiting(seconds, clicks=1):
    """A chunk that was fetched so many seconds ago, as far as its deadline is concerned."""
    work = SimpleNamespace(fetched_at=time.monotonic() - seconds)
    return SimpleNamespace(work=work, batchers=[range(clicks)])


def test_a_partition_that_waited_too_long_keeps_no_other_from_the_network():
    late, later, fresh = waiting(2), waiting(3), waiting(0.1)
    assert scoring.in_time([late, fresh, later], Deadline(1.0)) == [fresh]


def test_a_large_chunk_that_does_not_fit_keeps_no_later_one_from_the_network():
    deadline = Deadline(1.0)
    deadline.measured(FallbackTier.NEURAL, 1_000, 1.0)
    backlog, fresh = waiting(0.5, 2_000), waiting(0.1)
    assert scoring.in_time([backlog, fresh], deadline) == [fresh]


def test_the_network_answers_in_time_and_gives_hidden_states(version):
    found = climbed(version, Deadline(60.0))
    assert found.tiers == [FallbackTier.NEURAL] * 2
    assert len(found.hidden) == 1
    assert len(names(found)[0]) == 20


def test_session_neighbours_answer_where_only_the_network_is_too_slow(version):
    deadline = Deadline(60.0)
    deadline.measured(FallbackTier.NEURAL, 1, 1000.0)
    found = climbed(version, deadline)
    assert FallbackTier.SESSION_KNN in found.tiers
    assert FallbackTier.NEURAL not in found.tiers
    assert found.hidden == []


def test_the_popular_rung_answers_when_the_time_is_spent(version):
    found = climbed(version, Deadline(60.0), fetched_at=time.monotonic() - 61)
    assert (found.tiers, names(found)) == ([FallbackTier.POPULAR] * 2, [["i5"]] * 2)


def test_the_ladder_answers_without_a_model():
    assert climbed(None, Deadline(60.0)).tiers == [FallbackTier.POPULAR] * 2


def test_the_next_rung_answers_when_the_network_fails(version, monkeypatch):
    def fail(batch):
        raise ScoringError("not finite")

    monkeypatch.setattr(version.neural, "score", fail)
    found = climbed(version, Deadline(60.0))
    assert FallbackTier.NEURAL not in found.tiers
    assert len(found.tiers) == 2


def test_an_empty_batch_has_no_answers(version):
    nobody = batcher(()).build()
    assert scoring.fallback(nobody, version, Popularity(), Deadline(1.0), 0.0) == scoring.NOTHING
    assert scoring.popular(nobody, Popularity()) == scoring.NOTHING
