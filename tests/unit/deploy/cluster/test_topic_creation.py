"""Which partition counts fit together, and how each topic is kept."""

import pytest

from deploy.cluster.topic_creation import configs
from streams.config.topics import TopicNames, check
from streams.errors import SetUpError

NAMES = TopicNames()


def test_equal_counts_and_single_broadcast_partitions_fit():
    check({**dict.fromkeys(NAMES.by_visitor, 12), **dict.fromkeys(NAMES.broadcast, 1)}, NAMES)
    check({}, NAMES)


def test_unequal_counts_are_listed():
    with pytest.raises(SetUpError, match=r"clicks: 4, recommendations: 8.*equal counts"):
        check({"clicks": 4, "recommendations": 8}, NAMES)


def test_a_broadcast_topic_of_several_partitions_is_refused():
    with pytest.raises(SetUpError, match=r"items: 3.*expected 1"):
        check({"items": 3}, NAMES)


def test_a_topic_of_keys_that_is_there_has_as_many_partitions():
    with pytest.raises(SetUpError, match=r"clicks: 4, visitor-keys: 8.*equal counts"):
        check({"clicks": 4, "visitor-keys": 8}, NAMES)


def test_every_topic_has_settings():
    assert set(configs(NAMES)) == {*NAMES.by_visitor, *NAMES.broadcast, NAMES.visitor_keys}
    assert all(configs(NAMES)[topic]["cleanup.policy"] == "compact" for topic in NAMES.broadcast)


def test_a_dead_letter_may_be_larger_than_any_input():
    kafka_default = 1_048_588
    assert int(configs(NAMES)[NAMES.dead_letters]["max.message.bytes"]) > kafka_default


def test_names_are_settings(monkeypatch):
    monkeypatch.setenv("PATHCAST_TOPIC_CLICKS", "shop-1-clicks")
    assert TopicNames().clicks == "shop-1-clicks"


def test_two_roles_of_one_name_are_refused(monkeypatch):
    monkeypatch.setenv("PATHCAST_TOPIC_DEAD_LETTERS", "clicks")
    with pytest.raises(SetUpError, match=r"PATHCAST_TOPIC_CLICKS, PATHCAST_TOPIC_DEAD_LETTERS.*'clicks'"):
        check({}, TopicNames())
