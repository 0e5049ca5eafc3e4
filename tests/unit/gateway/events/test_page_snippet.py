"""The script for pages, in headless Chromium: what the gateway could not take is sent again."""

import json

import pytest
from aiokafka.errors import KafkaError

from tests.dashboard_browser import chromium
from tests.dashboard_scene import served
from tests.gateways import TestGateway, gateway_settings

#: Chromium takes seconds to start.
pytestmark = pytest.mark.long


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
        for _ in range(50):
            page.wait_for_timeout(100)
            sent = [json.loads(value)["event_id"] for _, _, value in gateway.producer.sent]
            if "e1" in sent:
                break
    assert sent.count("e1") == 1
