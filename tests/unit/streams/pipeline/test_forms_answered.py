"""Events of other systems through the pipeline: the same state and answers, and nothing lost."""

import json

import pytest

from tests.offline import Offline, Record, records
from tests.rendering import RENDERERS
from tests.unit.models.forms.test_forms_agree import SAYS
from tests.unit.streams.pipeline.test_processor import DECISIONS, INTENT, ITEMS
from trainer.eventlog.log_tables import CLICKS
from trainer.eventlog.rows import Rows

T = 1_700_000_000_000
#: What all forms can say; Matomo's purchase names no currency.
DAY = [
    {"event": "page_view", "page": "https://shop.example/"},
    {"event": "search", "query": "mug"},
    {"event": "view_item", "item_id": "MUG", "price": 9.5},
    {
        "event": "purchase",
        "item_id": "MUG",
        "price": 9.5,
        "quantity": 2,
        "basket": ["TEA"],
        "basket_prices": [4.5],
        "basket_quantities": [1],
        "transaction_id": "T1",
        "value": 23.5,
    },
]


def day(form):
    known = [one for one in DAY if one["event"] in SAYS[form]]
    return [
        {"event_id": f"e{n}", "visitor_id": "v", "ts": T + n * 60_000} | one for n, one in enumerate(known)
    ]


def rendered(form):
    own = records(day(form))
    sent = [json.dumps(RENDERERS[form](json.loads(one.value))).encode() for one in own]
    return own, [one._replace(value=value) for one, value in zip(own, sent, strict=True)]


def told(chunks):
    topics = (INTENT, ITEMS, DECISIONS)
    return [one | {"scored_at": 0} for chunk in chunks for topic in topics for one in chunk.get(topic, [])]


@pytest.mark.parametrize("form", RENDERERS)
def test_state_answers_and_rows_of_the_log_are_those_of_the_own_form(form):
    own, other = rendered(form)
    first, second = Offline(), Offline()
    assert told(first.run(own, 2)) == told(second.run(other, 2)) != []
    assert first.state == second.state
    assert first.pipeline.decoder.absent == second.pipeline.decoder.absent == {}
    kept = ["_bytes"]
    assert (
        Rows(CLICKS)
        .frame(with_partition(other))
        .drop(kept)
        .equals(Rows(CLICKS).frame(with_partition(own)).drop(kept))
    )


class Logged(Record):
    """A record with its partition, as the event log keeps it."""

    partition = 0


def with_partition(chunk):
    return [Logged(*one) for one in chunk]


def test_every_input_is_answered_or_refused_and_a_missing_item_is_counted():
    _, segment = rendered("segment")
    _, protocol = rendered("ga4_mp")
    several = json.loads(protocol[0].value)
    several["events"] *= 3
    nothing = {
        "type": "track",
        "messageId": "x",
        "anonymousId": "v",
        "timestamp": T,
        "event": "Product Added",
    }
    sent = [value.value for value in segment] + [json.dumps(one).encode() for one in (several, nothing)]
    offline = Offline()
    effects = offline.process([Record(n, T, b"v", value) for n, value in enumerate(sent)])
    letters = effects.outputs["clicks-dead-letter"]
    assert len(offline.answers(effects)[INTENT]) + len(letters) == len(sent)
    assert [json.loads(value)["events"][1]["name"] for _, value, _ in letters] == ["page_view"]
    assert "events holds 3 events" in dict(letters[0][2])["message"].decode()
    dropped = offline.metrics.dropped.labels("item_id")
    assert dropped._value.get() == 1
