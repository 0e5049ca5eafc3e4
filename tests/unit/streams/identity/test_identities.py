"""Devices of one user in several partitions, and what the shop knows of people."""

import json
from collections import Counter
from random import Random

import pytest

from models.contract.pseudonyms import Pseudonyms
from models.identity import messages
from models.identity.joining import summarise, total
from models.identity.messages import Snapshot
from models.privacy import erasure
from models.privacy.erasure import FORGET, FORGET_USER, Erasure
from models.state import state_keys
from models.state.traits import Traits, trait
from models.state.visitor import decode
from streams.effects import Work
from streams.transport.routing import home
from tests.offline import Record
from tests.partitions import START, Partitions

MINUTE = 60_000
DAY = 86_400_000


def event(number, visitor, name="view_item", **fields):
    known = {"event_id": f"e{number}", "visitor_id": visitor, "event": name, "item_id": f"i{number % 5}"}
    return known | {"ts": START + 1000 * number, "category": "shoes", "price": 10.0} | fields


def login(number, visitor, user, **fields):
    return event(number, visitor, "login", user_id=user, **fields)


@pytest.fixture
def shop():
    return Partitions()


def two_devices(shop):
    """`phone` bought and `tablet` looked, in different partitions; both are `anna`."""
    assert home(b"phone", 4) != home(b"tablet", 4)
    shop.clicks([event(1, "phone"), event(2, "phone", "purchase", value=30.0), login(3, "phone", "anna")])
    shop.clicks([event(4, "tablet"), login(5, "tablet", "anna")])
    shop.deliver()


def test_devices_of_a_user_know_each_others_past(shop):
    two_devices(shop)
    phone, tablet = shop.visitor("phone"), shop.visitor("tablet")
    assert tablet.others == total([summarise(phone)])
    assert phone.others == total([summarise(tablet)])
    assert (tablet.others.orders, tablet.others.total_spend) == (1, 30_000)
    assert sorted(shop.user("anna").devices) == ["phone", "tablet"]
    assert tablet.orders == 0


def test_messages_go_to_the_partition_in_which_the_visitor_is_processed(shop):
    strange = (home(b"phone", 4) + 1) % 4
    shop.at(strange, [Record(0, START, b"phone", json.dumps(login(1, "phone", "anna")).encode())])
    shop.clicks([event(2, "tablet", "purchase", value=5.0), login(3, "tablet", "anna")])
    shop.deliver()
    assert shop.visitor("phone", strange).others.orders == 1


def test_the_end_of_a_session_by_time_alone_is_told_too(shop):
    two_devices(shop)
    shop.clicks([event(6, "phone", "purchase", value=12.0)])
    shop.deliver()
    assert shop.visitor("tablet").others.orders == 1
    shop.at(home(b"phone", 4), idle_to=START + DAY)
    shop.deliver()
    assert shop.visitor("tablet").others.orders == 2


def test_a_device_that_changes_hands_leaves_nothing_behind(shop):
    two_devices(shop)
    shop.clicks([login(7, "phone", "bert")])
    shop.deliver()
    assert shop.visitor("tablet").others is None
    assert list(shop.user("anna").devices) == ["tablet"]
    assert list(shop.user("bert").devices) == ["phone"]
    assert shop.visitor("phone").others is None


def test_who_refuses_consent_is_unlinked_and_unknown_to_the_other_devices(shop):
    two_devices(shop)
    shop.clicks([event(8, "phone", consent=False)])
    shop.deliver()
    assert shop.visitor("tablet").others is None
    assert shop.visitor("phone").user_id == ""
    assert list(shop.user("anna").devices) == ["tablet"]


def test_a_visitor_that_expires_leaves_the_user(shop):
    two_devices(shop)
    shop.at(home(b"phone", 4), idle_to=START + 400 * DAY)
    shop.deliver()
    assert shop.visitor("phone") is None
    assert list(shop.user("anna").devices) == ["tablet"]
    assert shop.visitor("tablet").others is None


def test_what_is_told_is_in_the_memory_of_recent_visitors_too(shop):
    two_devices(shop)
    one = shop.all[home(b"tablet", 4)]
    kept = one.pipeline.caches[one.partition].recent[state_keys.visitor("tablet")]
    assert decode(kept).others == shop.visitor("tablet").others


def test_a_message_is_no_click(shop):
    two_devices(shop)
    before = shop.visitor("tablet")
    shop.clicks([login(9, "notebook", "anna")])
    effects = []
    original = shop.at

    def watched(*given, **named):
        effects.append(original(*given, **named))
        return effects[-1]

    shop.at = watched
    shop.deliver()
    assert all(not one.outputs for one in effects)
    after = shop.visitor("tablet")
    after.others = before.others
    assert after == before


def test_several_words_about_one_device_in_one_chunk_are_one_message(shop):
    two_devices(shop)
    shop.said.clear()
    shop.clicks([login(20 + n, "phone", "anna" if n % 2 else "bert") for n in range(8)])
    told = [messages.decode(value) for _, value, _ in shop.said]
    # That the device left is never left out; of what it said of itself the last word stands.
    assert [one.user_id for one in told if one.summary is not None] == ["anna"]
    shop.deliver()
    assert shop.visitor("phone").others == total([summarise(shop.visitor("tablet"))])
    shop.said.clear()
    summary = summarise(shop.visitor("phone"))
    snapshots = [Snapshot("anna", f"d{n}", 0, START, summary) for n in range(6)]
    values = map(messages.encode, snapshots)
    shop.at(home(b"anna", 4), identities=[Record(n, START, b"", value) for n, value in enumerate(values)])
    told = [messages.decode(value) for _, value, _ in shop.said]
    assert len({one.visitor_id for one in told}) == len(told) == 8


def test_a_message_that_cannot_be_read_is_a_dead_letter(shop):
    effects = shop.at(0, identities=[Record(7, START, b"anna", b"\xff", [("h", b"x")])])
    ((key, value, headers),) = effects.outputs["clicks-dead-letter"]
    known = dict(headers)
    assert (key, value, known["reason"]) == (b"anna", b"\xff", b"malformed")
    assert (known["source-topic"], known["source-offset"]) == (b"identities", b"7")


# --- what the shop knows of people


def test_a_profile_reaches_a_visitor_that_is_known_and_one_who_is_born_later(shop):
    shop.clicks([event(1, "known")])
    for name in ("known", "later"):
        shop.profile(
            name, {"visitor_id": name, "ts": START, "age_band": "25-34", "interests": {"shoes": 1.0}}
        )
    shop.clicks([event(2, "later")])
    for name in ("known", "later"):
        assert shop.visitor(name).given.age == trait("25-34")
    assert not shop.letters


def test_a_profile_that_came_before_a_restart_reaches_who_is_born_after_it(shop):
    shop.profile("later", {"visitor_id": "later", "ts": START, "gender": "f"})
    one = shop.all[home(b"later", 4)]
    one.pipeline.closed(one.partition)
    one.pipeline.opened(one.partition, one.reader)
    shop.clicks([event(2, "later")])
    assert shop.visitor("later").given.gender == trait("f")


def test_a_profile_and_the_first_click_in_one_chunk(shop):
    where = home(b"v", 4)
    update = json.dumps({"visitor_id": "v", "ts": START, "gender": "f"}).encode()
    click = Record(0, START, b"v", json.dumps(event(0, "v")).encode())
    shop.at(where, [click], profiles=[Record(0, START, b"v", update)])
    assert shop.visitor("v").given.gender == trait("f")


def test_an_empty_value_takes_a_profile_back(shop):
    shop.profile("v", {"visitor_id": "v", "ts": START, "gender": "f"})
    shop.clicks([event(1, "v")])
    shop.profile("v", None)
    assert shop.visitor("v").given is None
    assert shop.all[home(b"v", 4)].state.get(state_keys.given(state_keys.visitor("v"))) is None


def test_an_older_profile_does_not_come_back_after_a_refusal(shop):
    shop.clicks([event(1, "known")])
    for name in ("known", "later"):
        shop.profile(name, {"visitor_id": name, "ts": START, "gender": "f"})
        shop.profile(name, {"visitor_id": name, "ts": START + 1000, "consent": False})
        shop.profile(name, {"visitor_id": name, "ts": START, "gender": "f"})
    shop.clicks([event(2, "later")])
    for name in ("known", "later"):
        assert shop.visitor(name).given == Traits(
            age_ts=START + 1000, gender_ts=START + 1000, region_ts=START + 1000, interests_ts=START + 1000
        )


def test_a_users_profile_reaches_all_their_devices(shop):
    two_devices(shop)
    shop.profile("anna", {"user_id": "anna", "ts": START, "region": "north"})
    shop.deliver()
    for name in ("phone", "tablet"):
        assert shop.visitor(name).others.traits.region == trait("north")
    shop.profile("anna", None)
    shop.deliver()
    for name in ("phone", "tablet"):
        assert shop.visitor(name).others.traits is None
    assert shop.user("anna").given is None


def test_of_who_refuses_consent_nothing_is_kept(shop):
    shop.profile("v", {"visitor_id": "v", "ts": START, "gender": "f"})
    shop.clicks([event(1, "v", consent=False)])
    assert shop.traces("v")
    assert state_keys.given(state_keys.visitor("v")) not in shop.all[home(b"v", 4)].state
    shop.profile("v", {"visitor_id": "v", "ts": START + 1, "gender": "f"})
    assert state_keys.given(state_keys.visitor("v")) not in shop.all[home(b"v", 4)].state
    assert shop.visitor("v").given is None


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (b"v", b"no json", b"malformed"),
        (b"v", b'{"visitor_id": "v", "ts": 1700000000000, "age_band": 7}', b"invalid"),
        (b"v", b'{"visitor_id": "w", "ts": 1700000000000}', b"key_mismatch"),
        (None, b'{"visitor_id": "v", "ts": 1700000000000}', b"missing_key"),
    ],
)
def test_a_bad_profile_is_a_dead_letter_with_its_reason_and_its_bytes(shop, key, value, reason):
    effects = shop.at(1, profiles=[Record(5, START, key, value, [("from", b"crm")])])
    ((kept_key, kept, headers),) = effects.outputs["clicks-dead-letter"]
    known = dict(headers)
    assert (kept_key, kept, known["reason"]) == (key, value, reason)
    assert (known["source-topic"], known["source-partition"], known["source-offset"]) == (
        b"profiles",
        b"1",
        b"5",
    )
    assert known["from"] == b"crm"
    assert not effects.state


def test_a_bad_profile_costs_the_clicks_beside_it_nothing(shop):
    where = home(b"v", 4)
    click = Record(0, START, b"v", json.dumps(event(0, "v")).encode())
    effects = shop.at(where, [click], profiles=[Record(0, START, b"v", b"[")])
    assert len(effects.outputs["purchase-intent"]) == len(effects.outputs["clicks-dead-letter"]) == 1


def test_a_record_that_nobody_can_process_is_a_letter_of_its_own_topic(shop):
    record = Record(3, START, b"v", b"{}")
    one = shop.all[0]
    effects = one.pipeline.reject(
        Work(0, (), one.reader, 7, 0.0, sides={"profiles": [record]}), ArithmeticError("x")
    )
    ((_, value, headers),) = effects.outputs["clicks-dead-letter"]
    assert (value, dict(headers)["source-topic"], effects.watermark) == (b"{}", b"profiles", 7)


# --- forgetting


def forget(key, request="r1", header=FORGET):
    return Record(0, START, key.encode(), None, [(header, request.encode())])


def receipts(effects):
    return [erasure.decode(value) for _, value, _ in effects.outputs.get("visitor-erasures", ())]


def test_who_is_forgotten_is_forgotten_by_their_users_owner_too(shop):
    two_devices(shop)
    shop.profile("phone", {"visitor_id": "phone", "ts": START, "gender": "f"})
    shop.at(home(b"phone", 4), [forget("phone")])
    shop.deliver()
    assert shop.traces("phone") == []
    assert shop.visitor("tablet").others is None


def ask_everywhere(shop, user, request="r1"):
    return [shop.at(number, [forget(user, request, FORGET_USER)]) for number in range(4)]


def test_a_user_is_forgotten_with_all_their_visitors_and_each_partition_says_so(shop):
    two_devices(shop)
    shop.clicks([event(9, "somebody"), login(10, "stranger", "bert")])
    shop.profile("anna", {"user_id": "anna", "ts": START, "region": "north"})
    shop.profile("phone", {"visitor_id": "phone", "ts": START, "gender": "f"})
    shop.deliver()
    effects = ask_everywhere(shop, "anna")
    shop.deliver()
    for name in ("anna", "phone", "tablet"):
        assert shop.traces(name) == [], name
    assert shop.visitor("somebody")
    assert shop.visitor("stranger").user_id == "bert"
    told = [one for effect in effects for one in receipts(effect)]
    assert [one.partition for one in told] == [0, 1, 2, 3]
    answers = [one for effect in shop.effects for one in receipts(effect) if one.answer]
    assert len(answers) == sum(one.told for one in told) == 2
    assert {(one.request, one.partition) for one in answers} == {("r1", home(b"anna", 4))}
    touched = {home(name.encode(), 4) for name in ("anna", "phone", "tablet")}
    assert {one.partition for one in told if one.found} == touched
    assert sum(one.visitors for one in told) == 2
    assert [one.told for one in told] == [one.visitors for one in told]
    assert told[2] == Erasure(request="r1", partition=2, found=False, at=told[2].at)
    assert all(effect.erased for effect in effects)
    assert b"anna" not in repr([effect.outputs for effect in effects]).encode()


def test_more_devices_than_a_user_has_room_for_are_all_forgotten(shop):
    names = [f"device-{n:02}" for n in range(24)]
    for number, name in enumerate(names):
        shop.clicks([login(number, name, "anna")])
        shop.deliver()
    assert len(shop.user("anna").devices) == 16
    ask_everywhere(shop, "anna")
    shop.deliver()
    assert [shop.visitor(name) for name in names] == [None] * 24
    assert shop.traces("anna") == []


def test_a_device_that_is_linked_while_its_user_is_forgotten_elsewhere_keeps_nothing_of_the_forgotten(shop):
    """Its partition has seen the request, those of the others and of the user have not."""
    two_devices(shop)
    where = home(b"notebook", 4)
    request = forget("anna", header=FORGET_USER)
    shop.at(where, [request])
    shop.clicks([login(11, "notebook", "anna")])
    shop.deliver()
    assert shop.visitor("notebook").others.orders == 1
    for number in {0, 1, 2, 3} - {where}:
        shop.at(number, [request])
    shop.deliver()
    assert shop.visitor("notebook").others is None
    assert list(shop.user("anna").devices) == ["notebook"]
    for name in ("phone", "tablet"):
        assert shop.traces(name) == [], name


def test_a_login_that_is_under_way_while_its_user_is_forgotten_leaves_nothing(shop):
    two_devices(shop)
    shop.clicks([login(11, "notebook", "anna")])
    assert shop.waiting
    ask_everywhere(shop, "anna")
    shop.deliver()
    for name in ("anna", "phone", "tablet", "notebook"):
        assert shop.traces(name) == [], name


def test_in_the_middle_of_a_chunk_what_came_before_is_forgotten_and_what_follows_is_new(shop):
    def record(one):
        return Record(0, one["ts"], b"phone", json.dumps(one).encode())

    where = home(b"phone", 4)
    chunk = [record(login(1, "phone", "anna")), forget("anna", header=FORGET_USER)]
    effects = shop.at(where, [*chunk, record(login(2, "phone", "bert"))])
    shop.deliver()
    assert [(one.found, one.visitors) for one in receipts(effects)] == [(True, 1)]
    assert (shop.visitor("phone").sessions, shop.visitor("phone").user_id) == (1, "bert")
    assert shop.traces("anna") == []
    assert list(shop.user("bert").devices) == ["phone"]


def test_a_user_of_whom_nothing_is_known_leaves_no_mark(shop):
    effects = ask_everywhere(shop, "nobody")
    assert [one.found for effect in effects for one in receipts(effect)] == [False] * 4
    assert all(b"nobody" not in key for effect in effects for key, _ in effect.state)


def test_a_user_whose_id_begins_another_is_not_mistaken_for_them(shop):
    shop.clicks([login(1, "a", "ann"), login(2, "b", "anna"), login(3, "naX", "an")])
    shop.deliver()
    ask_everywhere(shop, "ann")
    shop.deliver()
    assert shop.visitor("a") is None
    assert shop.visitor("b").user_id == "anna"
    assert shop.visitor("naX").user_id == "an"


def test_with_pseudonyms_no_id_of_a_person_is_told_or_kept():
    pseudonymiser = Pseudonyms(b"x" * 40)
    shop = Partitions(pseudonyms=pseudonymiser)
    two_devices(shop)
    shop.profile("anna", {"user_id": "anna", "ts": START, "region": "north"})
    shop.profile("phone", {"visitor_id": "phone", "ts": START, "gender": "f"})
    shop.deliver()
    given_profiles = repr(shop.said).encode()
    for name in ("anna", "phone", "tablet"):
        assert shop.traces(name) == []
        assert name.encode() not in given_profiles
    phone = shop.visitor(pseudonymiser.visitor(b"phone"), home(b"phone", 4))
    tablet = shop.visitor(pseudonymiser.visitor(b"tablet"), home(b"tablet", 4))
    user = pseudonymiser.user(b"anna")
    assert (phone.user_id, phone.given.gender) == (user, trait("f"))
    assert tablet.others.orders == 1
    assert tablet.others.traits.region == trait("north")
    ask_everywhere(shop, user)
    shop.deliver()
    assert shop.traces(user) == []
    assert shop.visitor(pseudonymiser.visitor(b"tablet"), home(b"tablet", 4)) is None


# --- any order


@pytest.mark.parametrize("seed", range(6))
def test_however_messages_are_delivered_the_state_is_that_of_the_latest_links(seed):
    random = Random(seed)
    shop = Partitions()
    visitors = [f"v{n}" for n in range(24)]
    for number in range(400):
        name = random.choice(visitors)
        kind = random.choice(["view_item", "add_to_cart", "purchase", "login"])
        user = f"u{random.randrange(6)}" if kind == "login" else None
        shop.clicks([event(number, name, kind, user_id=user)])
        if random.random() < 0.2:
            shop.deliver(random)
    for number in range(4):
        shop.at(number, idle_to=START + DAY)
    shop.deliver(random)
    found = {name: shop.visitor(name) for name in visitors}
    for name, one in found.items():
        if one is None:
            continue
        others = [v for other, v in found.items() if v and v.user_id == one.user_id and other != name]
        assert one.others == (total([summarise(v) for v in others]) if one.user_id and others else None)


def test_metrics_count_messages_by_kind(shop):
    two_devices(shop)
    counted = {}
    for one in shop.all:
        for sample in one.metrics.identity_messages.collect()[0].samples:
            if sample.name.endswith("_total"):
                kind = sample.labels["kind"]
                counted[kind] = counted.get(kind, 0) + sample.value
    kinds = [type(messages.decode(value)).__name__.lower() for _, value, _ in shop.said]
    assert counted == dict(Counter(kinds))
    assert counted["snapshot"] == 2
