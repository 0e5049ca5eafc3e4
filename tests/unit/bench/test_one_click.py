"""The full job one click at a time, as per-event programs call it, against the pipeline's own answers."""

import json
import random

import pytest

from models.contract.catalogue import Catalogue
from tests.bench.jobs.one_click import OneClick, Record
from tests.offline import ACTIONS, Offline, records
from tests.tiny import ALL_HEADS
from tests.tiny import version as tiny

CLICKS, VISITORS, START = 400, 12, 1_700_000_000_000
EVENTS = ("view_item", "view_item", "view_item", "add_to_cart", "begin_checkout", "purchase")


def events():
    """Clicks with outcomes of earlier decisions, a refusal of consent, a duplicate and a late one."""
    chance, ts = random.Random(3), START
    for number in range(CLICKS):
        ts += chance.randrange(1, 90_000)
        click = {"event_id": f"e{number}", "visitor_id": f"v{chance.randrange(VISITORS)}", "ts": ts}
        click |= {"event": chance.choice(EVENTS), "item_id": f"i{chance.randrange(30)}", "price": 12.5}
        if number % 9 == 4:
            click |= {"event": "select_promotion", "decision_id": f"e{number - 3}:onsite"}
        if number == 200:
            click["consent"] = False
        yield from [click] * (2 if number == 300 else 1)
    yield {**click, "event_id": "late", "ts": START}


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    return tiny(tmp_path_factory.mktemp("registry"), tasks=ALL_HEADS)


def test_its_answers_are_the_pipelines(version):
    offline, one = Offline(version), OneClick(version, Catalogue(), ACTIONS)
    stored, answered = dict[bytes, bytes](), 0
    for record in records(events()):
        outputs = offline.answers(offline.process([record]))
        found = one.answer(Record(record.key, record.value, record.timestamp), stored.get(record.key), 0)
        if found is None:
            assert not outputs
            continue
        answered += 1
        stored[record.key] = found.state
        names = offline.names
        expected = [
            outputs[topic][0] for topic in (names.purchase_intent, names.recommendations, names.ad_decisions)
        ]
        for answer, other in zip(map(json.loads, found.answers), expected, strict=True):
            consents = other["rung"] == "neural"
            assert without(answer, consents) == without(other, consents)
    assert answered == CLICKS


def without(answer, consents):
    """Without the moment; and without what lower tiers count in panes, which the job does not have."""
    left = {"scored_at"} if consents else {"scored_at", "items", "purchase_probability", "context", "rung"}
    return {name: value for name, value in answer.items() if name not in left}
