"""The topic `profiles` is read strictly: an update, a removal, or the reason of a dead letter."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract.events import Limits, Reason, Rejected
from models.contract.profile_updates import ProfileDecoder, ProfileUpdate, Removal
from models.contract.pseudonyms import Pseudonyms
from tests.offline import Record

START = 1_700_000_000_000
FULL = {
    "visitor_id": "v1",
    "ts": START,
    "age_band": "25-34",
    "gender": "f",
    "region": "north",
    "interests": {"hats": 1, "socks": 0.25},
    "consent": True,
    "schema_version": 1,
}
HIDDEN = Pseudonyms(b"s" * 32)


def read(
    value: Any, key: bytes | None = b"v1", pseudonymiser: Pseudonyms | None = None, **limits: Any
) -> Any:
    raw = value if isinstance(value, bytes | None) else json.dumps(value).encode()
    (found,) = ProfileDecoder(Limits(**limits), pseudonymiser).decode([Record(0, START, key, raw)])
    return found


def test_a_full_update_is_read() -> None:
    assert read(FULL) == ProfileUpdate(**FULL)
    assert read({"user_id": "u1", "ts": START}, b"u1") == ProfileUpdate(user_id="u1", ts=START)


def test_words_for_missing_say_nothing() -> None:
    found = read({"visitor_id": "v1", "ts": START, "gender": "(not set)", "age_band": "NULL", "region": " "})
    assert (found.gender, found.age_band, found.region) == (None, None, None)


@pytest.mark.parametrize(
    ("changed", "reason", "says"),
    [
        ({"interests": {f"c{number}": 1 for number in range(17)}}, Reason.INVALID, "length <= 16"),
        ({"interests": {"hats": 1.5}}, Reason.INVALID, "<= 1"),
        ({"interests": {"": 1}}, Reason.INVALID, "length >= 1"),
        ({"interests": ["hats"]}, Reason.INVALID, "Expected `object`"),
        ({"interests": {"x" * 300: 1}}, Reason.INVALID, "length <= 256"),
        ({"age_band": 25}, Reason.INVALID, "$.age_band"),
        ({"ts": 1_700_000_000}, Reason.INVALID, "$.ts"),
        ({"ts": START + 3_600_000}, Reason.SKEWED, "+3600 s"),
        ({"visitor_id": "v2"}, Reason.KEY_MISMATCH, "b'v1', not 'v2'"),
        ({"user_id": "v1"}, Reason.INVALID, "2 of visitor_id and user_id"),
        ({"visitor_id": None}, Reason.INVALID, "0 of visitor_id and user_id"),
        ({"schema_version": 2}, Reason.UNKNOWN_SCHEMA, "schema_version"),
        ({"intrests": {}}, Reason.INVALID, "unknown field `intrests`"),
        ({"consent": "maybe"}, Reason.INVALID, "$.consent"),
    ],
)
def test_what_is_not_of_the_contract_is_refused_with_its_reason(
    changed: dict[str, Any], reason: Reason, says: str
) -> None:
    found = read(FULL | changed)
    assert isinstance(found, Rejected)
    assert found.reason is reason
    assert says in found.message


@pytest.mark.parametrize(
    ("value", "key", "reason"),
    [
        (b"{", b"v1", Reason.MALFORMED),
        (b"\xff\xfe", b"v1", Reason.MALFORMED),
        (b"[" * 100_000, b"v1", Reason.INVALID),
        (b"[]", b"v1", Reason.INVALID),
        (FULL, None, Reason.MISSING_KEY),
        (FULL, b"", Reason.MISSING_KEY),
        (b" " * 300_000, b"v1", Reason.TOO_LARGE),
        (None, b"\xff", Reason.INVALID),
    ],
)
def test_other_bytes_are_refused_with_their_reason(value: Any, key: bytes | None, reason: Reason) -> None:
    found = read(value, key)
    assert isinstance(found, Rejected)
    assert found.reason is reason


NOTHING = [
    "(not set)",
    "undefined",
    "NULL",
    " ",
    "${x}",
    "{{ x }}",
    "${}",
    "[object Object]",
    "%7B%7Bx%7D%7D",
]


@pytest.mark.parametrize("word", NOTHING)
def test_words_for_missing_and_templates_are_left_out(word: str) -> None:
    said = dict.fromkeys(("age_band", "gender", "region"), word)
    found = read(FULL | said | {"interests": {"hats": 1, word: 0.5}})
    assert found == ProfileUpdate(visitor_id="v1", ts=START, interests={"hats": 1}, consent=True)
    found = read(json.dumps(FULL | {"region": word}).replace("{{", "\\u007b\\u007b").encode())
    assert found.region is None


@pytest.mark.parametrize("word", NOTHING)
@pytest.mark.parametrize("name", ["visitor_id", "user_id"])
@pytest.mark.parametrize("pseudonymiser", [None, HIDDEN])
def test_nobody_is_called_so(word: str, name: str, pseudonymiser: Pseudonyms | None) -> None:
    found = read({name: word, "ts": START, "gender": "f"}, word.encode(), pseudonymiser)
    assert isinstance(found, Rejected)
    assert found.reason is Reason.INVALID
    assert "expected the id of one person" in found.message
    assert (repr(word) in found.message) == (pseudonymiser is None)


def test_an_empty_value_takes_back_what_was_said_of_visitor_and_user() -> None:
    assert read(None) == read(b"") == Removal("v1", "v1")
    pseudonymiser = read(None, pseudonymiser=HIDDEN)
    assert pseudonymiser == Removal(HIDDEN.visitor(b"v1"), HIDDEN.user(b"v1"))


def test_with_pseudonyms_no_id_is_left_in_updates_and_messages() -> None:
    assert read(FULL, pseudonymiser=HIDDEN).visitor_id == HIDDEN.visitor(b"v1")
    user = read({"user_id": "anna", "ts": START}, b"anna", HIDDEN)
    assert (user.user_id, user.visitor_id) == (HIDDEN.user(b"anna"), None)
    for value in (
        {"user_id": "anna", "ts": START},
        {"visitor_id": "anna", "ts": "anna"},
        {"user_id": ["anna"]},
    ):
        refused = read(value, b"bert", HIDDEN)
        assert isinstance(refused, Rejected)
        assert "anna" not in refused.message
        assert "bert" not in refused.message


def test_an_update_with_a_lone_surrogate_stands_under_no_key() -> None:
    assert isinstance(read(b'{"visitor_id": "\\ud800", "ts": 1700000000000}'), Rejected)


@given(st.binary(max_size=60), st.none() | st.binary(max_size=4))
def test_nothing_is_raised_whatever_the_bytes(value: bytes, key: bytes | None) -> None:
    assert isinstance(read(value, key), ProfileUpdate | Removal | Rejected)
