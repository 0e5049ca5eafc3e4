"""Clicks without consent are counted by event, once their chunk is committed."""

from prometheus_client import generate_latest

from tests import metrics_page
from tests.offline import Offline, records


def click(number: int, event: str, consent: bool | None) -> dict:
    ts = 1_700_000_000_000 + number
    return {
        "event_id": f"e{number}",
        "visitor_id": "v1",
        "ts": ts,
        "event": event,
        "item_id": "i1",
        "consent": consent,
    }


def test_only_clicks_that_refuse_consent_are_counted():
    offline = Offline()
    sent = [
        ("view_item", False),
        ("view_item", False),
        ("search", False),
        ("view_item", None),
        ("login", True),
    ]
    offline.process(records([click(number, *one) for number, one in enumerate(sent)]))
    scraped = generate_latest(offline.metrics.registry).decode().splitlines()
    assert 'pathcast_events_without_consent_total{event="view_item"} 2.0' in scraped
    assert 'pathcast_events_without_consent_total{event="search"} 1.0' in scraped
    assert not any("without_consent" in line and "login" in line for line in scraped)


def test_the_page_of_metrics_says_what_it_counts():
    (row,) = (line for line in metrics_page.page().splitlines() if "pathcast_events_without_consent" in line)
    assert "`event`" in row
    assert "Clicks that refuse consent" in row
