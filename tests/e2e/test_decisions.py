"""`pathcast decisions verify` on a topic written in transactions, one of them aborted."""

import msgspec
import pytest
from click.testing import CliRunner
from confluent_kafka import Producer

from deploy.cli import main
from deploy.commands.decisions_command import ACTIONS_FILE
from models.contract.decision_context import Context
from models.decisions.actions import ActionSet
from models.decisions.decision import decide, draw_of, record_fields
from models.decisions.rules_policy import RulesPolicy
from streams.config.connection import Connection
from streams.config.topics import TopicNames


def decisions(count: int) -> list[bytes]:
    policy = RulesPolicy(ActionSet.load(ACTIONS_FILE.read_bytes()))
    context, values = Context(0.2, "cart", 60_000, "view_item", 3, policy.actions.all_bits), []
    for event_id in map(str, range(count)):
        draw = draw_of(event_id)
        fields = record_fields(policy, event_id, context, decide(policy, context, draw), draw)
        values.append(msgspec.json.encode({"event_id": event_id, **fields}))
    return values


def produce(connection: Connection, topic: str, values: list[bytes], commit: bool) -> None:
    servers = ",".join(connection.servers)
    producer = Producer({"bootstrap.servers": servers, "transactional.id": f"{topic}-{commit}"})
    producer.init_transactions()
    producer.begin_transaction()
    for number, value in enumerate(values):
        producer.produce(topic, value, key=b"v", partition=number % 4)
    producer.flush()
    if commit:
        producer.commit_transaction()
    else:
        producer.abort_transaction()


@pytest.mark.parametrize("wrong", [0, 2])
def test_every_committed_decision_is_recomputed(
    broker: Connection, topics: TopicNames, monkeypatch: pytest.MonkeyPatch, wrong: int
) -> None:
    values = decisions(100)
    for number in range(wrong):
        values[number] = values[number].replace(b'"propensity":0', b'"propensity":1')
    produce(broker, topics.ad_decisions, values, commit=True)
    produce(broker, topics.ad_decisions, [b"never seen"] * 8, commit=False)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", ",".join(broker.servers))
    monkeypatch.setenv("PATHCAST_TOPIC_AD_DECISIONS", topics.ad_decisions)
    result = CliRunner().invoke(main, ["decisions", "verify"])
    assert f"{100 - wrong} of 100 decisions verified, {wrong} differ" in result.output
    assert result.exit_code == (1 if wrong else 0)
