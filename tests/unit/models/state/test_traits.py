"""What is known of a person: kept with consent, replaced by newer words, dropped in time, erased."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract.events import Click
from models.contract.profile_updates import ProfileUpdate
from models.identity import linking
from models.identity.joining import traits_of
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.codes import category_hash
from models.state.traits import KEPT_MS, Traits, decode, encode, newest, replaced, trait, without_old
from models.state.visitor import Visitor
from models.state.visitor import decode as decode_visitor
from models.state.visitor import encode as encode_visitor

START = 1_700_000_000_000
DAY = 86_400_000


def click(ts: int, **fields: object) -> Click:
    return Click(event_id=f"e{ts}", visitor_id="v", ts=ts, event="page_view", **fields)


def after(*clicks: Click) -> Visitor:
    visitor = None
    for one in clicks:
        visitor, _ = step(visitor, one, one.ts, SessionConfig())
    return visitor


def update(ts: int = START, **fields: object) -> ProfileUpdate:
    return ProfileUpdate(visitor_id="v", ts=ts, **fields)


def test_the_newest_word_on_a_field_is_kept() -> None:
    visitor = after(
        click(START, consent=True, age_band="18-24", region="North"),
        click(START + 1000, age_band="25-34"),
        click(START + 2000, consent=True, age_band="35-44"),
        click(START + 1500, consent=True, age_band="45-54", gender="f"),
    )
    known = visitor.declared
    assert (known.age, known.age_ts) == (trait("35-44"), START + 2000)
    assert (known.gender, known.gender_ts) == (trait("F"), START + 1500)
    assert (known.region, known.region_ts) == (trait("north"), START)


def test_nothing_is_kept_of_who_says_nothing_or_does_not_consent() -> None:
    assert after(click(START, consent=True)).declared is None
    assert after(click(START, age_band="18-24")).declared is None
    assert after(click(START, age_band="18-24", consent=False)).declared is None


def test_a_refusal_erases_it_with_what_the_shop_gave() -> None:
    visitor = after(click(START, consent=True, age_band="18-24", user_id="anna"))
    linking.give(visitor, replaced(None, update(gender="f")))
    visitor, _ = step(visitor, click(START + 1, consent=False), START, SessionConfig())
    assert (visitor.declared, visitor.given, visitor.user_id) == (None, None, "")
    assert linking.give(visitor, replaced(None, update(gender="f"))) == []
    assert visitor.given is None, "who refuses is given nothing"


def test_what_clicks_said_is_dropped_after_half_a_year_unless_repeated() -> None:
    config = SessionConfig(ttl_ms=400 * DAY)
    visitor, at = None, [0, 100, 179, 181, 290]
    for day in at:
        told = {"gender": "f"} if day in (0, 100) else {}
        one = click(START + day * DAY, consent=True, **({"age_band": "18-24"} if not day else {}), **told)
        visitor, _ = step(visitor, one, one.ts, config)
        known = visitor.declared
        assert bool(known and known.age) == (day <= 180), day
        assert bool(known and known.gender) == (day <= 280), day
    assert visitor.declared is None


def test_dropping_old_words_leaves_the_others() -> None:
    known = Traits(age=3, age_ts=START, region=4, region_ts=START + DAY)
    assert without_old(known, START + KEPT_MS) is known
    assert without_old(known, START + KEPT_MS + 1) == Traits(region=4, region_ts=START + DAY)
    assert without_old(known, START + KEPT_MS + DAY + 1) is None
    assert without_old(None, START) is None


def test_a_record_of_the_topic_replaces_all_that_an_older_one_said() -> None:
    """Compaction leaves only the last one, so that a worker that begins anew must come to the same."""
    first = replaced(None, update(START, age_band="18-24", interests={"hats": 0.5, "socks": 1, "none": 0}))
    assert first.age == trait("18-24")
    assert first.interests == {category_hash("hats"): 500, category_hash("socks"): 1000}
    second = replaced(first, update(START + 1, gender="m"))
    assert second == replaced(None, update(START + 1, gender="m"))
    assert replaced(second, update(START, age_band="18-24")) is second, "an older one changes nothing"
    assert decode(encode(second)) == second


def test_an_older_record_does_not_come_back_after_a_refusal_by_record() -> None:
    old = update(START, age_band="18-24", interests={"hats": 1.0})
    refused = replaced(replaced(None, old), update(START + 1000, consent=False, gender="f"))
    assert newest([refused]) is None
    assert replaced(refused, old) is refused
    assert decode(encode(refused)) == refused
    assert replaced(refused, update(START + 1001, gender="m")).gender == trait("m")
    visitor = after(click(START))
    linking.give(visitor, refused)
    assert traits_of(visitor) == refused, "no word, only its time"


def test_a_click_older_than_a_refusal_does_not_grant_consent() -> None:
    asked = click(START, consent=True, age_band="18-24", user_id="anna")
    refusal = click(START + 2000, consent=False)
    late = click(START + 1000, consent=True, age_band="25-34", user_id="bert")
    visitor = after(asked, refusal, late)
    assert visitor.denied
    assert (visitor.declared, visitor.user_id, visitor.sessions) == (None, "", 2)
    at_once = click(START + 2000, consent=True)
    at_once.event_id = "another"
    assert not after(asked, refusal, at_once).denied
    assert not after(asked, click(START + 2000), late).denied
    assert after(asked, click(START + 2000, consent=True), click(START + 1000, consent=False)).denied


def test_a_login_older_than_a_refusal_changes_nothing_even_after_consent() -> None:
    refused = after(
        click(START, consent=True, user_id="anna"),
        click(START + 3000, consent=False),
        click(START + 5000, consent=False),
    )
    for ts, user_id in ((START + 1000, ""), (START + 4000, ""), (START + 7000, "bert")):
        visitor, _ = step(
            decode_visitor(encode_visitor(refused)), click(START + 6000, consent=True), 0, SessionConfig()
        )
        visitor, _ = step(visitor, click(ts, user_id="bert"), 0, SessionConfig())
        assert visitor.user_id == user_id, ts


def test_clicks_and_the_topic_commute() -> None:
    said = click(START + 1000, consent=True, age_band="18-24", region="north")
    other = replaced(None, update(START + 500, age_band="25-34", gender="f", region="south"))
    later = click(START + 2000, consent=True)
    ends = []
    for given_at in range(3):
        visitor = None
        for place, one in enumerate((said, later)):
            if visitor is not None and given_at == place:
                linking.give(visitor, other)
            visitor, _ = step(visitor, one, one.ts, SessionConfig())
            if not place and not given_at:
                linking.give(visitor, other)
        if given_at == 2:
            linking.give(visitor, other)
        ends.append(visitor)
    assert ends[0] == ends[1] == ends[2]
    joint = newest((ends[0].declared, ends[0].given))
    assert (joint.age, joint.gender, joint.region) == (trait("18-24"), trait("f"), trait("north"))


def test_taking_back_what_the_topic_gave_leaves_what_clicks_said() -> None:
    visitor = after(click(START, consent=True, age_band="18-24"))
    linking.give(visitor, replaced(None, update(START + 1, age_band="25-34")))
    linking.give(visitor, None)
    assert visitor == after(click(START, consent=True, age_band="18-24"))


def test_a_visitor_born_with_a_profile_is_born_once_and_keeps_it_when_they_expire_on_the_way() -> None:
    config = SessionConfig()
    visitor, facts = step(None, click(START), START, config)
    assert facts.born
    linking.give(visitor, replaced(None, update(gender="f")))
    back = click(START + 200 * DAY)
    visitor, facts = step(visitor, back, back.ts, config)
    assert facts.born
    assert visitor.given.gender == trait("f")


WORDS = st.builds(
    Traits,
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 2),
    st.just(0),
    st.just(0),
    st.dictionaries(st.integers(1, 3), st.integers(1, 3), max_size=2),
    st.integers(0, 2),
)


@given(st.lists(st.none() | WORDS, max_size=3))
def test_the_order_of_sources_makes_no_difference(sources) -> None:
    assert len({repr(newest(mixed)) for mixed in permutations(sources)}) == 1


@given(WORDS, WORDS, WORDS)
def test_sources_may_be_joined_in_steps(a, b, c) -> None:
    assert newest((newest((a, b)), c)) == newest((a, newest((b, c)))) == newest((a, b, c))


@pytest.mark.parametrize("text", ["18-24", "İ", "\U0001f600", "x" * 256])
def test_texts_have_a_hash_whatever_their_case(text: str) -> None:
    assert trait(text) == trait(text.lower()) != 0
    assert trait(None) == trait("") == 0
