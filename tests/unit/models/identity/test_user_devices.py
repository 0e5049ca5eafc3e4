"""Devices of one user: whatever the order of messages, each has the sum of the others in the end."""

from collections import defaultdict
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contract.events import Click
from models.contract.profile_updates import ProfileUpdate, Removal
from models.identity import linking, user_devices
from models.identity.joining import joined, summarise, total
from models.identity.messages import Given, Others, Snapshot, decode, encode
from models.identity.user_devices import MOST_DEVICES, Device, User, decode_user, receive
from models.sessions.lifecycle import SessionConfig, advance
from models.sessions.session import step
from models.state.exposure import ExposureConfig
from models.state.facts import Ended, Shared
from models.state.summary import Summary
from models.state.traits import Traits, newest, replaced
from models.state.visitor import MAX_COUNT, StateError, Visitor
from models.state.visitor import encode as encode_visitor
from tests.identity_world import World, plain_sum

MINUTE = 60_000
START = 1_700_000_000_000
QUICK = SessionConfig(churn_ms=90 * MINUTE, ttl_ms=150 * MINUTE, exposure=ExposureConfig(MINUTE))
VISITORS, USERS = [f"v{number}" for number in range(4)], ["u1", "u2"]
EVENTS = ("view_item", "view_item", "add_to_cart", "purchase", "login", "page_view")


def click(number: int, name: str, ts: int, **fields: object) -> Click:
    return Click(event_id=f"{name}-{number}", visitor_id=name, ts=ts, **{"event": "view_item", **fields})


@st.composite
def clicks(draw):
    """One click without its time: who, what, as which user, with which consent."""
    made = {"name": draw(st.sampled_from(VISITORS)), "event": draw(st.sampled_from(EVENTS))}
    if draw(st.booleans()):
        made["user_id"] = draw(st.sampled_from(USERS))
    made["consent"] = draw(st.sampled_from((None, None, None, True, True, False)))
    if draw(st.booleans()):
        made |= {"category": draw(st.sampled_from("abcdefghijkl")), "item_id": "i", "price": 9.0}
    if made["consent"]:
        made["age_band"] = draw(st.sampled_from((None, "18-24", "25-34")))
    return made


STEPS = st.sampled_from((0, 1000, 5 * MINUTE, 31 * MINUTE, 100 * MINUTE, 26 * 60 * MINUTE))
BACK = st.sampled_from((0, 0, 0, 1000, 4 * MINUTE, 6 * MINUTE))
OPS = st.one_of(
    st.tuples(st.just("click"), clicks(), STEPS, BACK),
    st.tuples(st.just("click"), clicks(), STEPS, BACK),
    st.tuples(st.just("click"), clicks(), STEPS, BACK),
    st.tuples(st.just("time"), st.integers(0, 2), STEPS, BACK),
    st.tuples(st.just("forget"), st.sampled_from(VISITORS), STEPS, BACK),
    st.tuples(st.just("forget user"), st.sampled_from(USERS), STEPS, BACK),
    st.tuples(st.just("profile"), st.sampled_from(VISITORS + USERS), STEPS, BACK),
    st.tuples(st.just("refusal"), st.sampled_from(VISITORS + USERS), STEPS, BACK),
    st.tuples(st.just("removal"), st.sampled_from(VISITORS + USERS), STEPS, BACK),
)


def planned(world: World, ops: list) -> dict[str, Traits]:
    """Put operations into the queues of their partitions; what `profiles` says of users in the end."""
    now, said = START, {}
    for number, (kind, what, passed, back) in enumerate(ops):
        now += passed
        if kind == "click":
            fields = dict(what)
            one = click(number, fields.pop("name"), now - back, **fields)
            world.of(one.visitor_id).waiting.append(lambda own, one=one: own.click(one))
        elif kind == "time":
            world.partitions[what].waiting.append(lambda own, now=now: own.pass_time(now))
        elif kind == "forget":
            world.of(what).waiting.append(lambda own, what=what: own.forget(what))
        else:
            _of_profiles(world, said, kind, what, now - back)
    return said


def _of_profiles(world: World, said: dict[str, Traits], kind: str, name: str, ts: int) -> None:
    if kind == "forget user":
        for partition in world.partitions:
            partition.waiting.append(lambda own: own.forget_user(name))
    if kind in ("profile", "refusal"):
        key = {"user_id" if name in USERS else "visitor_id": name}
        update = ProfileUpdate(**key, ts=ts, gender=f"g{ts % 3}", interests={f"c{ts % 5}": 0.5})
        update.consent = False if kind == "refusal" else None
        if name in USERS and ts >= (said[name].age_ts if name in said else 0):
            said[name] = replaced(None, update)
    else:
        update = Removal(name, name)
        said.pop(name, None)
    world.of(name).waiting.append(lambda own: own.update(update))


def agree(world: World, said: dict[str, Traits]) -> None:
    """The visitors and users of a world at rest are those of the plain account."""
    found = world.visitors()
    linked = {name: visitor.user_id for name, visitor in found.items() if visitor.user_id}
    assert linked == {name: user_id for name, (_, user_id) in world.logins.items()}
    expected = world.expected(said)
    assert {name: found[name].others for name in expected} == expected
    assert all(visitor.others is None for name, visitor in found.items() if name not in linked)
    users, devices = world.users(), defaultdict(set)
    for name, user_id in linked.items():
        devices[user_id].add(name)
    assert users.keys() == set(linked.values()) | said.keys()
    for user_id, user in users.items():
        assert user.devices.keys() == devices[user_id]
        assert user.given == said.get(user_id)


@settings(max_examples=150, deadline=None)
@given(st.lists(OPS, min_size=25, max_size=60), st.integers(0, 1 << 32))
def test_at_rest_each_device_has_the_sum_of_the_others(ops, seed) -> None:
    world = World(3, QUICK)
    said = planned(world, ops)
    world.run(Random(seed))
    agree(world, said)


@settings(max_examples=40, deadline=None)
@given(st.lists(OPS, min_size=20, max_size=60), st.integers(0, 1 << 32), st.integers(0, 1 << 32))
def test_the_order_of_messages_makes_no_difference(ops, one, other) -> None:
    ends = []
    for seed in (one, other):
        world = World(3, QUICK)
        planned(world, ops)
        world.run(Random(seed))
        ends.append((world.visitors(), world.users()))
    assert ends[0] == ends[1]


def told(name: str, partition: int, found: object) -> list:
    return user_devices.snapshots(name, partition, found)


def linked(name: str, user_id: str, ts: int = START, **fields: object) -> tuple[Visitor, list]:
    visitor, facts = step(None, click(0, name, ts, user_id=user_id, **fields), ts, QUICK)
    return visitor, told(name, 0, facts.transitions)


def test_a_login_sends_a_snapshot_and_brings_the_other_devices_sum() -> None:
    one, (first,) = linked("phone", "anna", category="hats", price=9.0)
    other, (second,) = linked("laptop", "anna", START + 1, event="purchase", value=20.0)
    user, sent = receive(None, first)
    assert sent == [Others("phone", 0, "anna", None)]
    user, sent = receive(user, second)
    assert [message.visitor_id for message in sent] == ["laptop", "phone"]
    assert sent[1].summary == total([summarise(other)])
    assert linking.take_others(one, "anna", sent[1].summary)
    assert (one.others.orders, one.others.total_spend) == (1, 20_000)
    assert one.orders == 0, "what is others' never counts as the device's own"
    assert summarise(one) == first.summary


def test_a_session_s_end_tells_the_others_what_came_since() -> None:
    one, (first,) = linked("phone", "anna")
    user, _ = receive(None, first)
    user, _ = receive(user, linked("laptop", "anna")[1][0])
    bought = click(1, "phone", START + MINUTE, event="purchase", value=5.0)
    one, facts = step(one, bought, bought.ts, QUICK)
    assert not told("phone", 0, facts.transitions)
    one, found = advance(one, START + 40 * MINUTE, QUICK)
    assert [type(each) for each in found] == [Ended, Shared]
    user, (message,) = receive(user, told("phone", 0, found)[0])
    assert (message.visitor_id, message.summary.orders) == ("laptop", 1)
    assert receive(user, told("phone", 0, found)[0])[1] == [], "nothing new is no message"


def test_the_next_session_s_first_click_says_the_same_as_the_timer() -> None:
    """Else the sum would depend on where chunks ended."""
    one, other = linked("phone", "anna")[0], linked("phone", "anna")[0]
    _, by_timer = advance(one, START + 40 * MINUTE, QUICK)
    later = click(1, "phone", START + 40 * MINUTE, event="purchase", value=5.0)
    _, facts = step(other, later, START, QUICK)
    assert facts.transitions == by_timer


def test_a_late_login_changes_nothing_and_a_later_one_moves_the_device() -> None:
    one, _ = linked("phone", "anna", START + 2 * MINUTE)
    late = click(1, "phone", START + MINUTE, user_id="bert")
    one, facts = step(one, late, late.ts, QUICK)
    assert (one.user_id, facts.transitions) == ("anna", [])
    again = click(2, "phone", START + 4 * MINUTE, user_id="anna")
    one, _ = step(one, again, again.ts, QUICK)
    between = click(3, "phone", START + 3 * MINUTE, user_id="bert")
    one, _ = step(one, between, between.ts, QUICK)
    assert one.user_id == "anna", "a login between two of the same user is late, too"
    moved = click(4, "phone", START + 4 * MINUTE, user_id="bert")
    one, facts = step(one, moved, moved.ts, QUICK)
    assert [(each.user_id, each.summary is None) for each in facts.transitions] == [
        ("anna", True),
        ("bert", False),
    ]


@pytest.mark.parametrize("how", ["refusal", "expiry", "request", "other user"])
def test_an_unlinked_device_leaves_no_trace(how: str) -> None:
    one, (first,) = linked("phone", "anna", category="hats", consent=True, age_band="25-34")
    user, _ = receive(None, first)
    _, (second,) = linked("laptop", "anna", category="socks")
    user, sent = receive(user, second)
    linking.take_others(one, "anna", sent[1].summary)
    left, found = unlinked(one, how)
    (gone, *_) = told("phone", 0, [each for each in found if isinstance(each, Shared) and not each.summary])
    user, sent = receive(user, gone)
    assert list(user.devices) == ["laptop"]
    assert sent == [Others("laptop", 0, "anna", None)]
    assert left is None or left.others is None
    assert receive(user, Snapshot("anna", "laptop", 0, 0, None)) == (None, [])


def unlinked(visitor: Visitor, how: str) -> tuple[Visitor | None, list]:
    if how == "expiry":
        return advance(visitor, START + 200 * MINUTE, QUICK)
    if how == "request":
        return visitor, linking.unlink(visitor)
    fields = {"consent": False} if how == "refusal" else {"user_id": "bert"}
    after = click(1, "phone", START + MINUTE, **fields)
    left, facts = step(visitor, after, after.ts, QUICK)
    assert left.user_id == fields.get("user_id", "")
    assert left.declared is None or how == "other user"
    return left, facts.transitions


def test_a_sum_for_somebody_else_is_not_taken() -> None:
    one, _ = linked("phone", "bert")
    assert not linking.take_others(one, "anna", Summary(orders=3))
    assert one.others is None
    stranger, _ = step(None, click(0, "tv", START), START, QUICK)
    assert not linking.take_others(stranger, "anna", Summary(orders=3))
    assert stranger.others is None


def test_beyond_sixteen_devices_the_one_longest_silent_is_dropped_and_told() -> None:
    user = None
    for number in range(MOST_DEVICES):
        snapshot = Snapshot("anna", f"d{number:02}", 1, 100 + number % 4, Summary(sessions=1))
        user, _ = receive(user, snapshot)
    user, sent = receive(user, Snapshot("anna", "new", 2, 200, Summary(sessions=5)))
    assert len(user.devices) == MOST_DEVICES
    assert "d00" not in user.devices
    assert sent[0] == Others("d00", 1, "anna", None)
    sums = {message.visitor_id: message.summary.sessions for message in sent[1:]}
    assert sums == {**{f"d{n:02}": 14 + 5 for n in range(1, 16)}, "new": 15}
    user, sent = receive(user, Snapshot("anna", "d00", 1, 300, Summary(sessions=2)))
    assert "d04" not in user.devices
    assert user.devices["d00"] == Device(1, 300, Summary(sessions=2))


def test_what_the_shop_says_of_a_user_reaches_all_devices_and_older_words_do_not_count() -> None:
    user, _ = receive(None, Snapshot("anna", "phone", 1, 5, Summary(orders=1)))
    newer, older = (
        replaced(None, ProfileUpdate(user_id="anna", ts=ts, gender="f")) for ts in (START + 1, START)
    )
    user, sent = receive(user, Given("anna", newer))
    assert sent == [Others("phone", 1, "anna", Summary(traits=newest([newer])))]
    assert receive(user, Given("anna", older)) == (user, [])
    assert user.given == newer
    user, sent = receive(user, Given("anna", None))
    assert sent == [Others("phone", 1, "anna", None)]
    assert receive(None, Given("anna", None)) == (None, [])


def test_an_older_word_of_the_shop_on_a_user_does_not_come_back_after_a_refusal() -> None:
    user, _ = receive(None, Snapshot("anna", "phone", 1, 5, Summary(orders=1)))
    said = replaced(None, ProfileUpdate(user_id="anna", ts=START, gender="f"))
    user, _ = receive(user, Given("anna", said))
    refused = replaced(None, ProfileUpdate(user_id="anna", ts=START + 1000, consent=False))
    user, sent = receive(user, Given("anna", refused))
    assert sent == [Others("phone", 1, "anna", None)]
    assert receive(user, Given("anna", said)) == (user, [])
    assert user.given == refused


SUMMARIES = st.builds(
    Summary,
    st.integers(0, MAX_COUNT),
    st.integers(0, 9),
    st.integers(0, MAX_COUNT),
    st.integers(0, 1 << 53),
    st.integers(0, START),
    st.lists(st.integers(0, MAX_COUNT), min_size=17, max_size=17),
    st.dictionaries(st.integers(1, 12), st.integers(1, 9), max_size=8),
    st.integers(0, 99),
    st.integers(0, 99),
    st.integers(0, 40),
    st.none() | st.builds(Traits, age=st.integers(0, 3), age_ts=st.integers(0, 3), region=st.integers(0, 2)),
)


@given(st.lists(SUMMARIES, max_size=5), st.randoms(use_true_random=False))
def test_the_sum_does_not_depend_on_the_order_of_devices(summaries, random) -> None:
    mixed = random.sample(summaries, len(summaries))
    assert total(mixed) == total(summaries)
    made = total(summaries)
    assert (made or Summary()) == (plain_sum(summaries, None) or Summary())
    if made is not None:
        assert list(made.categories) == list(total(mixed).categories)


@given(st.lists(SUMMARIES, min_size=3, max_size=3))
def test_sums_of_sums_are_sums_where_nothing_fades_or_is_left_out(summaries) -> None:
    for one in summaries:
        one.profile_day, one.categories = 3, {key: 2 for key in list(one.categories)[:8] if key < 9}
    a, b, c = summaries
    some = [total([a, b]), c], [a, total([b, c])]
    left, right = (total([one for one in each if one is not None]) for each in some)
    assert left == right == total(summaries)


@given(SUMMARIES, SUMMARIES, st.integers(0, START))
def test_a_visitor_s_past_is_the_sum_of_their_own_and_the_others(own, others, last_ts) -> None:
    names = [name for name in Summary.__struct_fields__ if name != "traits"]
    visitor = Visitor(last_ts=last_ts, others=others, **{name: getattr(own, name) for name in names})
    before = encode_visitor(visitor)
    expected = plain_sum([own, others], None)
    expected.purchase_ts = max(own.purchase_ts, min(others.purchase_ts, last_ts))
    expected.traits = None
    assert joined(visitor) == expected
    assert encode_visitor(visitor) == before


def test_records_and_messages_are_read_back_and_others_refused() -> None:
    _, (first,) = linked("phone", "anna", category="hats", consent=True, age_band="25-34")
    user, sent = receive(None, first)
    assert decode_user(user_devices.encode(user)) == user
    for message in (first, *sent, Given("anna", Traits(age=3, age_ts=4)), Given("anna", None)):
        assert decode(encode(message)) == message
    with pytest.raises(StateError, match="damaged user record"):
        decode_user(b"\x93")
    with pytest.raises(StateError, match="user record of format 2, this program reads 1"):
        decode_user(user_devices.encode(User(version=2)))
    with pytest.raises(StateError, match="unreadable message on identities"):
        decode(b"{}")


def test_a_record_of_sixteen_full_devices_stays_below_its_bound() -> None:
    """As docs/state.md has it."""
    interests = {4_000_000_000 + number: 1000 for number in range(16)}
    traits = Traits(*([1 << 63, START] * 3), interests, START)
    categories = {4_000_000_000 + number: (1 << 53) - 1 for number in range(8)}
    full = Summary(
        MAX_COUNT,
        MAX_COUNT,
        MAX_COUNT,
        1 << 53,
        START,
        [MAX_COUNT] * 17,
        categories,
        1 << 53,
        1 << 53,
        20_000,
        traits,
    )
    visitor = Visitor(user_id="u" * 256, linked_at=START, others=full, declared=traits, given=traits)
    assert len(encode_visitor(visitor)) - len(encode_visitor(Visitor())) < 1_200
    user = User(devices={f"{n:0256}": Device(99, START, full) for n in range(MOST_DEVICES)}, given=traits)
    assert len(user_devices.encode(user)) < 14_000


def test_features_of_a_linked_visitor_read_the_sum() -> None:
    one, _ = linked("phone", "anna", category="hats", price=9.0)
    one.others = Summary(
        sessions=4, orders=2, purchase_ts=START + MINUTE, categories={7: 256}, price_weight=1, price_sum=9
    )
    one.others.profile_day = one.profile_day
    made = joined(one)
    assert (made.sessions, made.orders) == (5, 2)
    assert made.purchase_ts == START, "not after the visitor's own last click"
    assert made.categories.keys() == {7, *one.categories}
    assert one.sessions == 1


def test_many_visitors_on_four_partitions_agree_with_the_plain_account() -> None:
    """100,000 visitors, 30,000 logins: some twice, some as another user, some late, some forgotten."""
    random, world = Random(7), World(4)
    for number in range(100_000):
        one = click(0, f"v{number}", START + random.randrange(MINUTE), category=f"c{number % 40}")
        world.of(one.visitor_id).waiting.append(lambda own, one=one: own.click(one))
    for number in range(30_000):
        name, user_id = f"v{random.randrange(26_000)}", f"u{random.randrange(9_000)}"
        ts = START + random.randrange(3 * MINUTE)
        one = click(1 + number, name, ts, event="login", user_id=user_id)
        world.of(name).waiting.append(lambda own, one=one: own.click(one))
    for number in range(0, 26_000, 40):
        world.of(f"v{number}").waiting.append(lambda own, name=f"v{number}": own.forget(name))
    for user_id in (f"u{number}" for number in range(0, 9_000, 300)):
        for partition in world.partitions:
            partition.waiting.append(lambda own, user_id=user_id: own.forget_user(user_id))
    world.run(random, burst=200)
    agree(world, {})
    assert len(world.visitors()) > 99_000
    assert len(world.logins) > 15_000
    assert max(len(user.devices) for user in world.users().values()) > 6
    assert "u0" not in world.users()
