"""The table of topics, and what is derived from it."""

import msgspec
import pytest

from deploy.privacy.stores import TOPICS as KEPT_BY_RETENTION
from streams.config.topic import WORKER, Partitions, VisitorData
from streams.config.topics import ANSWERS, TOPICS, TopicNames
from streams.service.transport_wiring import _outputs
from trainer.eventlog.log_tables import TABLES

NAMES = TopicNames.model_construct()


def test_every_setting_of_a_name_has_an_entry():
    assert list(TOPICS) == list(TopicNames.model_fields)


@pytest.mark.parametrize("role", TOPICS)
def test_an_entry_is_complete(role: str):
    topic = TOPICS[role]
    assert topic.summary.endswith(".")
    assert topic.key
    assert topic.writers
    assert topic.readers
    assert TopicNames.model_fields[role].description
    assert topic.schema is None or issubclass(topic.schema, msgspec.Struct)


def test_a_worker_reads_broadcast_topics_or_tells_something_on_them():
    for role, topic in TOPICS.items():
        if topic.partitions is Partitions.ONE:
            assert WORKER in (*topic.readers, *topic.writers), role


def test_tables_of_the_event_log_have_the_schemas_of_their_topics():
    assert {table.setting: table.contract for table in TABLES} == {
        role: TOPICS[role].schema for role in ("clicks", *ANSWERS, "rewards", "recommendation_outcomes")
    }


def test_topics_that_are_searched_for_a_visitor_follow_from_the_table():
    assert "clicks" in KEPT_BY_RETENTION.topics
    assert KEPT_BY_RETENTION.marked == ("lapsing_visitors",)
    deleted = {role for role, topic in TOPICS.items() if topic.visitor_data is VisitorData.DELETED_BY_KEY}
    assert deleted == {"visitor_keys", "profiles"}


@pytest.mark.parametrize(("sealing", "keys"), [(False, set()), (True, {"visitor-keys"})])
def test_transactions_write_to_the_answers_and_to_what_goes_beside_them(sealing: bool, keys: set[str]):
    class At:
        names, seals = NAMES, sealing

    answers = {"purchase-intent", "recommendations", "ad-decisions", "rewards", "recommendation-outcomes"}
    written = answers | {"clicks-dead-letter", "visitor-erasures"}
    assert set(_outputs(At())) == written | keys
