"""Records of events: keyed by visitor, as sent, with an id and a time where they lack them."""

import json
import time

import pytest

from gateway.events.click_records import ClickReader, ClickRecord
from gateway.events.event_bodies import events_of
from gateway.http.problems import HttpProblem
from models.contract.aliases import event_name
from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import Click, Limits
from models.contract.wire_formats import BareRecord
from tests.gateways import event

NOW = int(time.time() * 1000)
GA4 = {
    "client_id": "v1",
    "events": [
        {"name": "view_item", "params": {"items": [{"item_id": "MUG", "price": 9.5}]}},
        {"name": "add_to_cart", "params": {"event_id": "given", "items": [{"item_id": "TEA"}]}},
    ],
}
SEGMENT = {
    "batch": [
        {"type": "track", "event": "Product Viewed", "messageId": "m1", "anonymousId": "a1",
         "properties": {"product_id": "P"}},
    ]
}  # fmt: skip
SNOWPLOW = {
    "event_id": "s1",
    "domain_userid": "d1",
    "event_name": "page_view",
    "page_url": "https://shop.example/",
    "derived_tstamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
}


def records(body, **options):
    reader = ClickReader(Limits(), event_name, **options)
    return [reader.record(one, NOW) for one in events_of(body, 100)]


def clicks(found):
    """What a worker makes of the records."""
    told = [BareRecord(one.key, one.value, NOW, ()) for one in found]
    return Decoder(Limits(), Catalogue()).decode(told)


def test_a_whole_event_goes_out_as_it_came():
    (found,) = records(event(event_id="e1", ts=NOW))
    assert (found.event_id, found.key) == ("e1", b"anna")
    assert json.loads(found.value) == event(event_id="e1", ts=NOW)


def test_what_is_missing_is_given_and_told():
    first, second = records([event(), event()])
    assert first.event_id != second.event_id
    assert json.loads(first.value) == event(event_id=first.event_id, ts=NOW)


@pytest.mark.parametrize(
    ("body", "keys", "ids"),
    [
        (GA4, [b"v1", b"v1"], [None, "given"]),
        (SEGMENT, [b"a1"], ["m1"]),
        (SNOWPLOW, [b"d1"], ["s1"]),
        ([GA4, SNOWPLOW, event(event_id="e1")], [b"v1", b"v1", b"d1", b"anna"], [None, "given", "s1", "e1"]),
    ],
)
def test_a_worker_reads_every_form_from_its_record(body, keys, ids):
    found = records(body)
    read = clicks(found)
    assert [one.key for one in found] == keys
    assert all(isinstance(one, Click) for one in read), read
    assert [one.event_id for one in read] == [one.event_id for one in found]
    assert [given in (None, one.event_id) for given, one in zip(ids, found, strict=True)] == [True] * len(ids)
    assert [one.visitor_id.encode() for one in read] == keys


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"event": "view_itm"}, "event", "'view_itm'"),
        ({"visitor_id": ""}, "visitor_id", "expected text of 1 to 256"),
        ({"visitor_id": "v" * 257}, "visitor_id", "expected text"),
        ({"ts": "yesterday"}, "ts", "expected epoch ms"),
        ({"ts": NOW - 3 * 86_400_000}, "", "from the record's"),
        ({"ts": NOW + 3_600_000}, "", "from the record's"),
        ({"event_id": {}}, "event_id", "expected text"),
        ({"schema_version": 2}, "schema_version", "expected 1"),
        ({"colour": "red"}, "colour", "no known field"),
        ({"page": "x" * 300_000}, "", "expected at most"),
    ],
)
def test_what_does_not_fit_is_refused_as_a_worker_would_refuse_it(change, field, said):
    (found,) = records(event() | change)
    assert not isinstance(found, ClickRecord)
    assert (found.at, found.field) == ("events[0]", field)
    assert said in found.message


def test_unknown_fields_are_taken_where_the_shop_says_so():
    (found,) = records(event(colour="red"), strangers=True)
    assert json.loads(found.value)["colour"] == "red"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ([], 422, "no event"),
        ({"batch": []}, 422, "no event"),
        ([event(), 5], 422, r"events\[1\]: found no object"),
        ("text", 422, r"events\[0\]: found no object"),
        ({"batch": [SEGMENT["batch"][0], "x"]}, 422, r"events\[0\].batch\[1\]"),
        ([event()] * 101, 413, "101 events"),
        ({"batch": SEGMENT["batch"] * 101}, 413, "101 events"),
    ],
)
def test_bodies_that_hold_no_events_or_too_many(body, status, said):
    with pytest.raises(HttpProblem, match=said) as refused:
        records(body)
    assert refused.value.status == status
