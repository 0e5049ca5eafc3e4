"""Event names of other domains: what a map may say, and that training and serving read by it alike."""

import json
from pathlib import Path

import pytest

from models.contract import aliases
from models.contract.aliases import EventMapError, EventNames, event_name
from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import EVENTS, Click, Limits, Reason, Rejected
from models.contract.values import Unreadable
from models.features import features
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from tests.fuzzing import Input
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log

EXAMPLES = Path(__file__).parents[4] / "docs" / "examples"
COURSES = aliases.parse((EXAMPLES / "courses.toml").read_text(), "courses.toml")
COLUMNS = {
    "ts": "when",
    "visitor_id": "learner",
    "event": "action",
    "item_id": "course",
    "category": "subject",
}
TS = 1_700_000_000_000


def decoded(events: EventNames, **fields: object) -> Click | Rejected:
    sent = {"event_id": "e1", "visitor_id": "v1", "ts": TS, **fields}
    return Decoder(Limits(), Catalogue(), events).decode([Input(b"v1", json.dumps(sent).encode(), (), TS)])[0]


@pytest.mark.parametrize("spelling", ["lesson_view", "LessonView", "lesson-view", "Lesson view"])
def test_a_mapped_name_is_read_in_any_spelling(spelling):
    click = decoded(COURSES, event=spelling, item_id="c1")
    assert isinstance(click, Click)
    assert (click.event, click.item_id, click.flags) == ("view_item", "c1", 0)


def test_mapped_events_may_need_reading_too():
    click = decoded(COURSES, event="Enroll", price="12.50", params={"quantity": "2"})
    assert isinstance(click, Click)
    assert (click.event, click.price, click.quantity) == ("purchase", 12.5, 2)


def test_contract_names_and_known_others_still_hold():
    for name in EVENTS:
        assert COURSES(name) == name
    assert COURSES("cart") == "add_to_cart"
    assert EventNames({"view": "page_view"})("VIEW") == "page_view"
    assert event_name("view") == "view_item"


def test_an_unmapped_event_is_refused_with_the_way_out():
    refused = decoded(COURSES, event="sneeze")
    assert isinstance(refused, Rejected)
    assert refused.reason is Reason.INVALID
    assert "'sneeze'" in refused.message
    assert "PATHCAST_EVENT_MAP" in refused.message
    with pytest.raises(Unreadable):
        COURSES(None)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('enroll = "buy"', "enroll = 'buy': no event of the contract; choose from page_view"),
        ('search = "page_view"', "search is the contract's own name and means itself"),
        ('addToCart = "purchase"', "add_to_cart is the contract's own name"),
        ("enroll = 3", "expected NAME"),
        ('event_map = "purchase"', "expected NAME"),
        ("enroll: purchase", "shop.toml is no TOML"),
    ],
)
def test_wrong_maps_are_refused_with_what_was_found(text, complaint):
    with pytest.raises(EventMapError, match=complaint):
        aliases.parse(text, "shop.toml")


def test_a_file_of_other_settings_may_hold_a_table():
    text = 'epochs = 3\n[event_map]\nenroll = "purchase"\n'
    assert aliases.parse(text, "", whole=False).mapping == {"enroll": "purchase"}
    assert aliases.parse("epochs = 3", "", whole=False).mapping == {}


def test_serving_gives_the_rows_that_training_learns_from():
    """The log mapped by the trainer, and its rows as a producer would send them, mapped by the decoder."""
    log = read_log([EXAMPLES / "courses.csv"], COLUMNS, COURSES)
    learned = replay_log(log).examples()
    assert len(learned) == log.collect().height
    raw = read_log([EXAMPLES / "courses.csv"], COLUMNS).sort("ts", maintain_order=True).collect()
    assert set(raw["event"]) == set(COURSES.mapping)
    decoder, visitors, rows = Decoder(Limits(check_skew=False), Catalogue(), COURSES), {}, []
    for sent in raw.iter_rows(named=True):
        value = json.dumps({name: found for name, found in sent.items() if found is not None}).encode()
        click = decoder.decode([Input(sent["visitor_id"].encode(), value, (), sent["ts"])])[0]
        assert isinstance(click, Click)
        visitor, facts = step(visitors.get(click.visitor_id), click, click.ts, SessionConfig())
        visitors[click.visitor_id] = visitor
        rows.append(features.row(visitor, click, facts))
    assert features.matrix(b"".join(rows)).tobytes() == learned.features.tobytes()
    assert learned.buys.any()
