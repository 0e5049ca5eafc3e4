"""The benchmark's arithmetic: what more cores would answer, and how long partitions went without answers."""

import time

import pytest

from tests.bench.estimate import estimate
from tests.bench.ground import PARTITIONS
from tests.bench.traffic import Arrival, Traffic


def test_the_estimate_shares_cores_by_cost():
    full = {"cpu_us": {"worker": 50.0, "broker": 40.0, "client": 10.0}, "broker_bytes": 5_000}
    found = estimate(full, 9, trainer=1)
    assert found.workers == pytest.approx(4)
    assert found.clicks == pytest.approx(80_000)
    assert sum(found.shares.values()) == pytest.approx(9)
    assert found.limit == "workers"
    assert estimate({**full, "cpu_us": {**full["cpu_us"], "broker": 60.0}}, 9).limit == "broker"
    assert estimate(full, 2, trainer=1).clicks == pytest.approx(10_000)
    assert estimate({**full, "broker_bytes": 50_000}, 9, trainer=1).clicks == pytest.approx(20_000)
    assert estimate({**full, "broker_bytes": 50_000}, 9, trainer=1).limit == "bytes"


def test_gaps_are_those_of_the_slowest_partition():
    flowing, now = Traffic(), time.perf_counter()
    every = range(PARTITIONS)
    flowing.arrivals = [Arrival(now - 10 + at, part) for at in range(10) for part in every if part or at != 5]
    assert flowing.longest_gap(now - 10) == pytest.approx(2)
    # The silence since the last answer counts as well.
    flowing.arrivals = [one for one in flowing.arrivals if one.partition != 1 or one.at < now - 6]
    assert flowing.longest_gap(now - 10) == pytest.approx(7, abs=1)


def test_a_takeover_is_over_with_the_first_answer_on_each_partition():
    flowing, moment = Traffic(), 100.0
    flowing.arrivals = [Arrival(99.0, 0), Arrival(103.0, 1), Arrival(104.0, 0), Arrival(105.0, 1)]
    assert flowing.first_after(moment) == {1: 3.0, 0: 4.0}
