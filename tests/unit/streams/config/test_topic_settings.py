"""Which differences of a topic's settings are refused, which are warnings, and what each one says."""

import pytest

from streams.config.topic_checks import check_state
from streams.config.topic_settings import differences
from streams.config.topics import TOPICS, TopicNames
from streams.errors import SetUpError

NAMES = TopicNames.model_construct()
#: What a broker sets where nobody says anything.
DEFAULTS = {
    "cleanup.policy": "delete",
    "retention.ms": "604800000",
    "retention.bytes": "-1",
    "max.message.bytes": "1048588",
    "max.compaction.lag.ms": "9223372036854775807",
    "delete.retention.ms": "86400000",
}


def found(role, **settings):
    """Differences of a topic as in the table, but for these settings (dots as underscores)."""
    own = {name.replace("_", "."): value for name, value in settings.items()}
    name = getattr(NAMES, role)
    return differences({name: DEFAULTS | TOPICS[role].kafka_config | own}, NAMES)


@pytest.mark.parametrize("role", TOPICS)
def test_topics_as_they_are_created_differ_in_nothing(role):
    assert found(role) == []


@pytest.mark.parametrize(
    ("role", "settings", "must"),
    [
        ("items", {"cleanup_policy": "delete"}, True),
        ("items", {"cleanup_policy": "compact,delete"}, True),
        ("model_updates", {"cleanup_policy": "delete"}, True),
        ("profiles", {"cleanup_policy": "delete"}, True),
        ("visitor_keys", {"cleanup_policy": "delete"}, True),
        ("state_copies", {"cleanup_policy": "compact, delete", "retention_ms": "1000"}, True),
        ("clicks", {"cleanup_policy": "compact"}, True),
        ("identities", {"cleanup_policy": "compact,delete"}, True),
        ("dead_letters", {"max_message_bytes": "1048588"}, True),
        ("dead_letters", {"cleanup_policy": "compact,delete"}, True),
        ("purchase_intent", {"cleanup_policy": "compact,delete"}, False),
        ("lapsing_visitors", {"cleanup_policy": "delete"}, False),
        ("clicks", {"retention_ms": "60000"}, False),
        ("clicks", {"retention_ms": "-1"}, False),
        ("clicks", {"retention_bytes": "1000000"}, False),
        ("ad_decisions", {"retention_ms": "604800000"}, False),
        ("profiles", {"delete_retention_ms": "1000"}, False),
        ("visitor_keys", {"max_compaction_lag_ms": DEFAULTS["max.compaction.lag.ms"]}, False),
    ],
)
def test_a_difference_is_refused_or_a_warning(role, settings, must):
    wrong = found(role, **settings)
    assert {one.setting for one in wrong} & {name.replace("_", ".") for name in settings}
    assert any(one.must for one in wrong) is must
    for one in wrong:
        assert str(one).startswith(f"{getattr(NAMES, role)}: {one.setting} is ")
        assert str(one).endswith("`pathcast topics --mend` sets it")
        assert DEFAULTS | TOPICS[role].kafka_config | {one.setting: one.value}


@pytest.mark.parametrize(
    ("role", "settings"),
    [
        ("clicks", {"retention_ms": "2592000000"}),
        ("items", {"cleanup_policy": "compact,delete", "retention_ms": "-1"}),
        ("dead_letters", {"max_message_bytes": "10000000"}),
        ("profiles", {"delete_retention_ms": "9000000000"}),
    ],
)
def test_what_keeps_more_than_needed_is_no_difference(role, settings):
    assert found(role, **settings) == []


@pytest.mark.parametrize("role", TOPICS)
def test_mending_leaves_no_difference(role):
    every = {"retention.ms": "1", "retention.bytes": "5", "max.message.bytes": "1"}
    for policy in ("compact", "delete", "compact,delete"):
        settings = DEFAULTS | every | {"cleanup.policy": policy, "delete.retention.ms": "1"}
        name = getattr(NAMES, role)
        for _ in range(3):
            settings |= {one.setting: one.value for one in differences({name: settings}, NAMES)}
        assert differences({name: settings}, NAMES) == []


def test_topics_that_may_not_be_seen_are_passed_over():
    assert differences({"clicks": {}}, NAMES) == []


@pytest.mark.parametrize("role", TOPICS)
def test_what_a_broker_does_not_tell_is_not_judged(role):
    told = DEFAULTS | TOPICS[role].kafka_config
    for setting in told:
        kept = {name: value for name, value in told.items() if name != setting}
        assert differences({getattr(NAMES, role): kept}, NAMES) == []


def test_a_topic_with_other_partitions_than_the_state_is_refused_with_the_way_on():
    check_state("shop-state-changelog", 4, "clicks", 4)
    with pytest.raises(SetUpError, match=r"clicks has 6 partitions.* has 4.*pathcast state grow"):
        check_state("shop-state-changelog", 4, "clicks", 6)
