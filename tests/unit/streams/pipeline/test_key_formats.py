"""A chunk with quoted or framed keys: state, answers and rows of the log are those of bare keys."""

import json

import pytest

from models.contract.pseudonyms import Pseudonyms
from models.contract.wire_formats import WireFormat
from tests.offline import Offline, Record, processing_config, records
from trainer.eventlog.log_tables import CLICKS
from trainer.eventlog.rows import Rows

PREFIX = bytes.fromhex("0000000007")
CLICKS_OF_TWO = [
    {
        "event_id": f"e{n}",
        "visitor_id": f"v{n % 2}",
        "ts": 1_700_000_000_000 + n,
        "event": "view_item",
        "item_id": f"i{n}",
    }
    for n in range(6)
]
KEYS = {
    "json": lambda key: json.dumps(key.decode()).encode(),
    "framed": lambda key: PREFIX + key,
    "framed-json": lambda key: PREFIX + json.dumps(key.decode()).encode(),
}


def wrapped(bare, form):
    return [one._replace(key=KEYS[form](one.key), value=PREFIX + one.value) for one in bare]


def offline(form="raw", value="json", pseudonyms=None):
    return Offline(rules=processing_config(key_format=form, value_format=value), pseudonyms=pseudonyms)


def told(effects):
    """Keys and values by topic, without the time of scoring."""
    return {
        topic: [(key, json.loads(value) | {"scored_at": 0}) for key, value, _ in messages]
        for topic, messages in effects.outputs.items()
    }


@pytest.mark.parametrize("form", list(KEYS))
@pytest.mark.parametrize("pseudonyms", [None, Pseudonyms(bytes(range(32)))])
def test_state_and_answers_are_those_of_bare_keys(form, pseudonyms):
    bare = records(CLICKS_OF_TWO)
    expected, found = offline(pseudonyms=pseudonyms), offline(form, "framed", pseudonyms)
    assert told(found.process(wrapped(bare, form))) == told(expected.process(bare))
    assert expected.state == found.state


def test_a_dead_letter_keeps_the_bytes_as_they_came():
    record = Record(0, 1_700_000_000_000, b'"v1"', PREFIX + b"{}")
    effects = offline("json", "framed").process([record])
    ((key, value, _),) = effects.outputs["clicks-dead-letter"]
    assert (key, value) == (record.key, record.value)


@pytest.mark.parametrize("form", list(KEYS))
def test_rows_of_the_event_log_are_those_of_bare_keys(form):
    class Logged(Record):
        partition = 3

    bare = records(CLICKS_OF_TWO)
    framed = Rows(CLICKS, wire=WireFormat(form, "framed"))
    expected = Rows(CLICKS).frame([Logged(*one) for one in bare])
    assert framed.frame([Logged(*one) for one in wrapped(bare, form)]).equals(expected)
