"""Many visitors, many logins, workers that are killed: the state is that of a single machine."""

import pytest

from tests.e2e.storm import Size, run

pytestmark = pytest.mark.long

SHORT = Size(visitors=10_000, links=3_000, rate=2_000, kills=3)


def check(size, folder):
    wrong, figures = run(1, size, folder)
    print(figures)
    assert wrong == []
    assert figures["kills"] == size.kills
    assert figures["linked"] > size.links / 4
    assert min(figures["late"], figures["twice"], figures["again"]) > 0
    assert figures["receipts"] >= figures["requests"] > 0
    assert figures["messages"] > size.links


@pytest.mark.timeout(900)
def test_devices_know_each_other_after_a_storm(tmp_path):
    check(SHORT, tmp_path / "storm")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_devices_of_a_hundred_thousand_visitors_know_each_other_after_a_storm(tmp_path):
    check(Size(), tmp_path / "storm")
