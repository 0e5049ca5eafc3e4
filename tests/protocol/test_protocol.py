"""The protocol of takeovers holds in every order of events within small bounds, and each guard is needed."""

import re

import pytest

from tests.protocol.model import Guards
from tests.protocol.search import Search
from tests.protocol.searches import KNOWN_LIMITS, MUTATIONS, SHORT


@pytest.mark.parametrize("name", SHORT)
def test_nothing_goes_wrong_whatever_the_order(name):
    result = Search(SHORT[name]).run()
    assert not result.wrong, str(result)
    assert result.complete
    assert result.states > 50


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: "+".join(one.guards))
def test_each_guard_is_needed(mutation):
    result = Search(SHORT[mutation.search].without(*mutation.guards)).run()
    with pytest.raises(AssertionError, match=mutation.finds):
        assert not result.wrong, str(result)
    assert result.trace


def test_every_guard_is_taken_away_once():
    assert {guard for one in MUTATIONS for guard in one.guards} == set(Guards._fields)


@pytest.mark.parametrize("limit", KNOWN_LIMITS)
def test_known_limits_are_limits(limit):
    """docs/chaos.md tells them: a limit that is none any more is to be taken out there, too."""
    assert re.search(limit, Search(KNOWN_LIMITS[limit]).run().wrong)
