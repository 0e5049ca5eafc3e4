"""The script for pages, in headless Chromium: every event is sent, and none more often than it must be."""

import json
from contextlib import contextmanager

import pytest
from aiokafka.errors import KafkaError

from tests.dashboard_browser import chromium
from tests.dashboard_scene import served
from tests.gateways import TestGateway, gateway_settings

#: Chromium takes seconds to start.
pytestmark = pytest.mark.long
BLOCKED = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('blocked'); } })"


@contextmanager
def page_with_script(gateway, script=""):
    """A page of another origin than the gateway's, with the gateway's script."""
    shop = TestGateway(gateway_settings())
    with served(gateway.app) as address, served(shop.app) as origin, chromium() as browser:
        page = browser.new_page()
        if script:
            page.add_init_script(script)
        page.goto(f"{origin}/healthz")
        page.add_script_tag(url=f"{address}/v1/pathcast.js")
        yield page


def waited(page, gateway, done):
    """The events that the gateway has, by id, once `done` holds of them."""
    for _ in range(60):
        page.wait_for_timeout(100)
        events = [json.loads(value) for _, _, value in gateway.producer.sent]
        if done([one["event_id"] for one in events]):
            break
    page.wait_for_timeout(1_500)
    return [json.loads(value) for _, _, value in gateway.producer.sent]


def test_an_event_that_was_refused_for_now_is_sent_again_under_its_id():
    gateway = TestGateway(gateway_settings())
    with served(gateway.app) as address, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{address}/healthz")
        page.add_script_tag(url=f"{address}/v1/pathcast.js")
        gateway.producer.fail = KafkaError("away")
        with page.expect_response("**/v1/events?answers=1*") as refused:
            assert page.evaluate("pathcast.ask('view_item', {event_id: 'e1', item_id: 'tea-03'})") is None
        assert refused.value.status == 503
        gateway.producer.fail = None
        sent = [one["event_id"] for one in waited(page, gateway, lambda ids: "e1" in ids)]
    assert sent.count("e1") == 1


def test_a_page_that_may_not_read_answers_sends_what_it_asks_for_once():
    gateway = TestGateway(gateway_settings())
    with page_with_script(gateway) as page:
        assert page.evaluate("pathcast.ask('view_item', {event_id: 'e1', item_id: 'tea-03'})") is None
        sent = [one["event_id"] for one in waited(page, gateway, lambda ids: "e1" in ids)]
    assert sent.count("e1") == 1


def test_where_storage_is_blocked_a_visitor_is_that_of_the_page():
    gateway = TestGateway(gateway_settings())
    with page_with_script(gateway, BLOCKED) as page:
        page.evaluate("pathcast.track('view_item', {event_id: 'e1', item_id: 'tea-03'})")
        sent = waited(page, gateway, lambda ids: "e1" in ids)
    assert [one["event"] for one in sent] == ["page_view", "view_item"]
    assert len({one["visitor_id"] for one in sent}) == 1


def test_more_than_a_browser_holds_is_sent_in_parts_and_one_event_that_is_too_large_by_itself():
    gateway = TestGateway(gateway_settings(unknown_fields="ignore"))
    ids = [f"e{number}" for number in range(19)]
    with page_with_script(gateway) as page:
        page.evaluate(
            """(ids) => {
              for (const id of ids) pathcast.track("search", { event_id: id, further: "x".repeat(9000) });
              pathcast.track("search", { event_id: "large", further: "x".repeat(90000) });
            }""",
            ids,
        )
        sent = waited(page, gateway, lambda found: {*ids, "large"} <= {*found})
    assert sorted(one["event_id"] for one in sent if one["event"] == "search") == sorted([*ids, "large"])
