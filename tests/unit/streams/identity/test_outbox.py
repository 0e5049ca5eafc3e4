"""What a chunk tells other owners: the last word on two, and those that the last one cannot stand for."""

from models.identity.messages import Given, Others, Snapshot, decode
from models.identity.user_devices import User, receive
from models.state.summary import Summary
from models.state.traits import Traits
from streams.identity.outbox import Outbox


def sent(*messages):
    """What is published of a chunk's messages, in order."""
    outbox = Outbox("identities", 1)
    outbox.put(messages)
    ((place, published),) = outbox.routed().items()
    assert place == ("identities", 0)
    assert len(outbox) == len(published) == len(outbox.kinds())
    return [decode(value) for _, value, _ in published]


def of_phone(sessions, user_id="anna"):
    summary = Summary(sessions=sessions) if sessions else None
    return Snapshot(user_id, "phone", 0, 1, summary)


def test_of_several_snapshots_and_sums_the_last_is_sent() -> None:
    told = [Others("phone", 0, "anna", Summary(sessions=number)) for number in (1, 2)]
    assert sent(of_phone(1), told[0], of_phone(2), told[1]) == [of_phone(2), told[1]]
    assert sent(of_phone(1), of_phone(0)) == [of_phone(0)]


def test_a_device_that_left_and_came_back_within_a_chunk_is_told_its_sum_anew() -> None:
    """It has emptied what it had of the others."""
    user = User()
    for message in (of_phone(1), Snapshot("anna", "laptop", 0, 1, Summary(orders=1))):
        user, _ = receive(user, message)
    published = sent(
        of_phone(0), of_phone(1, "bert"), of_phone(0, "bert"), of_phone(1), of_phone(0), of_phone(1)
    )
    kept = [one.summary is None for one in published if one.user_id == "anna"]
    assert kept[-2:] == [True, False]
    told = []
    for message in published:
        if message.user_id == "anna":
            user, more = receive(user, message)
            told += more
    assert Others("phone", 0, "anna", Summary(orders=1)) in told


def test_each_word_of_profiles_is_sent() -> None:
    words = [Given("anna", Traits(age=1, age_ts=ts)) for ts in (5, 3)]
    assert sent(*words) == words
    user = None
    for word in words:
        user, _ = receive(user, word)
    assert user.given.age_ts == 5
