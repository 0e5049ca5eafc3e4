"""How many records of each partition the newest ones of a topic are."""

import pytest

from deploy.runs.topic_sample import shares


@pytest.mark.parametrize(
    ("spans", "limit", "expected"),
    [
        ({0: 500, 1: 500}, 100, {0: 50, 1: 50}),
        ({0: 1600, 1: 50, 2: 0}, 3000, {0: 1600, 1: 50, 2: 0}),
        ({0: 1600, 1: 50, 2: 0}, 1000, {0: 950, 1: 50, 2: 0}),
        ({0: 10, 1: 10, 2: 10}, 1, {0: 1, 1: 0, 2: 0}),
        ({}, 10, {}),
    ],
)
def test_short_partitions_leave_their_share_to_the_others(
    spans: dict[int, int], limit: int, expected: dict[int, int]
) -> None:
    assert shares(spans, limit) == expected


def test_all_shares_are_the_limit() -> None:
    spans = {part: part**2 for part in range(20)}
    for limit in range(0, 3000, 37):
        assert sum(shares(spans, limit).values()) == min(limit, sum(spans.values()))
