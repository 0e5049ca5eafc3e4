"""The topic `orders`: written by workers, created, documented, and searched for a visitor to forget."""

import json

import yaml

from deploy.privacy.stores import TOPICS as SEARCHED
from deploy.reference import contract
from streams.config.topics import TOPICS, TopicNames
from tests.offline import Offline, records

DAY_MS = 86_400_000


def click(number: int, event: str) -> dict:
    ts = 1_700_000_000_000 + number
    return {"event_id": f"e{number}", "visitor_id": "v1", "ts": ts, "event": event, "item_id": "i1"}


def test_purchases_are_published_once():
    offline = Offline()
    log = [click(0, "view_item"), click(1, "purchase"), click(1, "purchase"), click(2, "purchase")]
    effects = offline.process(records(log))
    found = [(key, json.loads(value)) for key, value, _ in effects.outputs["orders"]]
    assert [(key, order["event_id"], order["event"]) for key, order in found] == [
        (b"v1", "e1", "purchase"),
        (b"v1", "e2", "purchase"),
    ]
    assert "orders" not in offline.process(records([click(3, "view_item")], offset=4)).outputs


def test_it_has_a_name_that_is_a_setting(monkeypatch):
    monkeypatch.setenv("PATHCAST_TOPIC_ORDERS", "shop-orders")
    assert TopicNames().orders == "shop-orders"
    assert "shop-orders" in TopicNames().by_visitor


def test_it_is_created_for_28_days():
    assert TOPICS["orders"].kafka_config == {"retention.ms": str(28 * DAY_MS)}


def test_it_is_documented():
    files = contract.files()
    document = yaml.safe_load(files["asyncapi.yaml"])
    assert document["operations"]["send_orders"]["channel"] == {"$ref": "#/channels/orders"}
    assert document["components"]["messages"]["orders"]["payload"] == {"$ref": "./click.schema.json"}
    assert "| `orders` | `PATHCAST_TOPIC_ORDERS` |" in files["topics.md"]


def test_a_visitor_who_is_forgotten_is_looked_for_there():
    assert "orders" in SEARCHED.topics
