"""Which partition counts fit together, and how each topic is kept."""

import pytest

from streams.config.topic import Partitions
from streams.config.topic_checks import check
from streams.config.topics import TOPICS, TopicNames
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


def test_every_topic_is_either_compacted_or_expires():
    assert {*NAMES.used(sealing=True)} == {*NAMES.by_visitor, *NAMES.broadcast, NAMES.visitor_keys}
    for role, topic in TOPICS.items():
        assert {"cleanup.policy", "retention.ms"} & topic.kafka_config.keys(), role
        if topic.partitions is Partitions.ONE:
            assert topic.kafka_config["cleanup.policy"] == "compact", role


def test_a_topic_that_is_compacted_and_expires_has_both_policies():
    config = TOPICS["lapsing_visitors"].kafka_config
    assert config == {"cleanup.policy": "compact,delete", "retention.ms": str(28 * 86_400_000)}


def test_keys_of_sealed_answers_have_a_topic_only_where_answers_are_sealed():
    assert {*NAMES.used(sealing=True)} - {*NAMES.used(sealing=False)} == {NAMES.visitor_keys}


def test_a_dead_letter_may_be_larger_than_any_input():
    kafka_default = 1_048_588
    assert int(TOPICS["dead_letters"].kafka_config["max.message.bytes"]) > kafka_default


def test_names_are_settings(monkeypatch):
    monkeypatch.setenv("PATHCAST_TOPIC_CLICKS", "shop-1-clicks")
    assert TopicNames().clicks == "shop-1-clicks"


def test_two_roles_of_one_name_are_refused(monkeypatch):
    monkeypatch.setenv("PATHCAST_TOPIC_DEAD_LETTERS", "clicks")
    with pytest.raises(SetUpError, match=r"PATHCAST_TOPIC_CLICKS, PATHCAST_TOPIC_DEAD_LETTERS.*'clicks'"):
        check({}, TopicNames())
