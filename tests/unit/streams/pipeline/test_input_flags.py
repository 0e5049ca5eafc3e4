"""Answers say what the decoder did to their click's fields, and only where it did something."""

import json

import pytest

from models.contract.catalogue import Item
from models.contract.events import CLIPPED, DROPPED, FILLED
from models.contract.predictions import InputFlags
from streams.pipeline import answers
from tests.offline import Offline, records
from tests.unit.streams.pipeline.test_processor import DECISIONS, INTENT, ITEMS, event

CASES = [
    ({}, None),
    ({"price": 1e11}, {"clipped": ["price"]}),
    ({"price": "cheap", "quantity": 2.4}, {"dropped": ["price"], "clipped": ["quantity"]}),
    ({"brand": "${item.brand}", "category": "{{ category }}"}, {"dropped": ["category", "brand"]}),
    ({"item_id": "known"}, {"filled": ["category", "brand", "price"]}),
    (
        {"item_id": "known", "price": "free"},
        {"dropped": ["price"], "clipped": ["price"], "filled": ["category", "brand", "price"]},
    ),
]


@pytest.mark.parametrize("size", [1, len(CASES)])
def test_all_answers_say_what_became_of_the_clicks_fields(size):
    offline = Offline()
    offline.pipeline.decoder.catalogue.put("known", Item(category="shoes", brand="acme", price=2e10))
    sent = records(event(number, minutes=number, **fields) for number, (fields, _) in enumerate(CASES))
    told = offline.run(sent, size)
    for topic in (INTENT, ITEMS, DECISIONS):
        found = [one.get("input_flags") for chunk in told for one in chunk[topic]]
        assert found == [wanted and with_limit(wanted) for _, wanted in CASES]


def with_limit(wanted):
    """The catalogue's price is beyond the limit as well."""
    return wanted | {"clipped": ["price"]} if "filled" in wanted else wanted


def test_every_bit_has_its_name():
    for kind, bits in (("dropped", DROPPED), ("clipped", CLIPPED), ("filled", FILLED)):
        for name, bit in bits.items():
            assert json.loads(b"{%b}" % answers.input_flags(bit)[:-1]) == {"input_flags": {kind: [name]}}
            assert getattr(InputFlags.of(bit), kind) == [name]
    assert answers.input_flags(0) == b""


def test_flags_are_worded_once_each_and_not_kept_without_bound():
    answers.input_flags.cache_clear()
    offline = Offline()
    offline.run(records(event(n, minutes=n, price=1e11) for n in range(50)), 10)
    assert answers.input_flags.cache_info()[1] == 1
    assert answers.input_flags.cache_info().maxsize
