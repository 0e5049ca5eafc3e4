"""The decoder's checks that hold for every click, and the refusal of what cannot be one."""

import json
from typing import Any

import msgspec
import pytest

from models.contract.catalogue import Catalogue, Item
from models.contract.decoder import Decoder
from models.contract.events import (
    CLIPPED,
    DROPPED,
    EVENT_CODES,
    EVENTS,
    FILLED,
    OPTIONAL_FIELDS,
    Click,
    Limits,
    Reason,
    Rejected,
)
from tests.fuzzing import START, Input

EVENT = {"event_id": "e1", "visitor_id": "v1", "ts": START, "event": "view_item"}


def record(
    event: dict[str, Any] | bytes, key: bytes | None = b"v1", at: int = START, headers: Any = ()
) -> Input:
    return Input(key, event if isinstance(event, bytes) else json.dumps(event).encode(), headers, at)


def decode(event: dict[str, Any] | bytes, limits: Limits | None = None, **given: Any) -> Click | Rejected:
    return Decoder(limits or Limits(), Catalogue()).decode([record(event, **given)])[0]


def reason(*args: Any, **given: Any) -> Reason:
    decoded = decode(*args, **given)
    assert isinstance(decoded, Rejected), decoded
    return decoded.reason


def test_codes_are_positions_and_zero_is_padding() -> None:
    assert [EVENT_CODES[name] for name in EVENTS] == list(range(1, 17))


def test_every_flag_has_a_bit_of_its_own() -> None:
    bits = [*DROPPED.values(), *CLIPPED.values(), *FILLED.values()]
    assert len(bits) == 2 * len(OPTIONAL_FIELDS) + 4
    assert sum(bits).bit_count() == len(bits)
    assert sum(bits) < 1 << 63


def test_a_well_formed_event_is_itself() -> None:
    assert decode(EVENT | {"price": 5, "quantity": 2, "basket": ["b"]}) == Click(
        **EVENT, price=5.0, quantity=2, basket=("b",)
    )


def test_one_entry_per_record_in_order() -> None:
    records = [record(EVENT | {"event_id": "a"}), record(b"{"), record(EVENT | {"event_id": "c", "x": 1})]
    first, second, third = Decoder(Limits(), Catalogue()).decode(records)
    assert (first.event_id, second.reason, third.event_id) == ("a", "malformed", "c")


@pytest.mark.parametrize(
    "value", [b"", b"{", b"[]", b'"a"', b"nul", b"\xff", b'{"a":"\xff"}', b"[" * 100_000]
)
def test_malformed(value: bytes) -> None:
    assert reason(value) == "malformed"


def test_a_tombstone_is_malformed() -> None:
    decoded = Decoder(Limits(), Catalogue()).decode([Input(b"v1", None, (), START)])[0]
    assert decoded.reason == "malformed"


@pytest.mark.parametrize("name", ["event_id", "visitor_id", "ts", "event"])
@pytest.mark.parametrize("bad", [None, "", "(not set)", {}, [], True, "x" * 300, -1e300, float("nan")])
def test_a_required_field_that_cannot_be_read(name: str, bad: Any) -> None:
    decoded = decode(EVENT | {name: bad})
    assert decoded.reason == "invalid"
    assert decoded.message.startswith(f"{name} is ")
    assert "expected" in decoded.message


@pytest.mark.parametrize("ts", [0, 946_684_799_999, 4_102_444_800_000, 10**30, "yesterday"])
def test_time_outside_of_this_century(ts: Any) -> None:
    assert reason(EVENT | {"ts": ts}) == "invalid"


def test_unknown_event_name_says_what_was_found() -> None:
    assert "'sneeze'" in decode(EVENT | {"event": "sneeze"}).message


def test_too_large_whatever_it_is() -> None:
    assert reason(b"x" * (256 * 1024 + 1)) == "too_large"
    assert reason(EVENT | {"query": "x" * 1_000_000}) == "too_large"
    assert reason(EVENT, limits=Limits(max_event_bytes=20)) == "too_large"


@pytest.mark.parametrize("key", [None, b""])
def test_missing_key(key: bytes | None) -> None:
    assert reason(EVENT, key=key) == "missing_key"


@pytest.mark.parametrize("key", [b"v2", b"\xff", b"V1", b"v1 "])
def test_key_mismatch(key: bytes) -> None:
    assert reason(EVENT, key=key) == "key_mismatch"


def test_key_is_compared_with_the_normalised_id() -> None:
    assert decode(EVENT | {"visitor_id": 17}, key=b"17").visitor_id == "17"
    assert decode(EVENT | {"visitor_id": "å"}, key="å".encode()).visitor_id == "å"


@pytest.mark.parametrize("version", [2, 0, "2", 1.5, {}, True])
def test_unknown_schema(version: Any) -> None:
    assert reason(EVENT | {"schema_version": version}) == "unknown_schema"


def test_another_schema_is_named_before_its_fields_are_judged() -> None:
    assert reason({"schema_version": 2, "id_of_event": 1}) == "unknown_schema"


@pytest.mark.parametrize("version", [1, "1", 1.0, None])
def test_known_schema(version: Any) -> None:
    assert decode(EVENT | {"schema_version": version}).schema_version == 1


def test_skew_is_measured_against_the_record() -> None:
    limits = Limits(skew_past_ms=1000, skew_future_ms=100)
    fates = {at: decode(EVENT, limits, at=START + at) for at in (-101, -100, 1000, 1001)}
    assert [isinstance(fate, Click) for fate in fates.values()] == [False, True, True, False]
    assert fates[1001].reason == "skewed"


def test_when_skew_is_not_checked() -> None:
    year = START + 31_536_000_000
    header = (("original-time", b"1"),)
    assert reason(EVENT, at=year) == "skewed"
    assert reason(EVENT, at=year, headers=(("other", b"1"),)) == "skewed"
    assert isinstance(decode(EVENT, at=year, headers=header), Click)
    assert reason(EVENT, Limits(trust_original_time=False), at=year, headers=header) == "skewed"
    assert isinstance(decode(EVENT, Limits(check_skew=False), at=year), Click)
    assert isinstance(decode(EVENT, at=-1), Click)
    # Even a replay has nothing from the future.
    assert reason(EVENT, at=START - 31_536_000_000, headers=header) == "skewed"


@pytest.mark.parametrize(
    ("name", "sent", "kept"),
    [
        ("price", 1e11, 1e10),
        ("quantity", 10**30, 1_000_000),
        ("value", 1e13, 1e12),
        ("rating", 11, 10.0),
        ("price", -5, 0.0),
        ("quantity", -5, 0),
        ("quantity", 2.4, 2),
        ("value", "-1", 0.0),
    ],
)
def test_amounts_are_clipped_and_flagged(name: str, sent: Any, kept: float) -> None:
    click = decode(EVENT | {name: sent})
    assert getattr(click, name) == kept
    assert click.flags == CLIPPED[name]


@pytest.mark.parametrize(
    ("name", "most"), [("query", 512), ("page", 1024), ("country", 256), ("category", 256)]
)
def test_long_text_is_cut_and_flagged(name: str, most: int) -> None:
    click = decode(EVENT | {name: "x" * 2000})
    assert getattr(click, name) == "x" * most
    assert click.flags == CLIPPED[name]


@pytest.mark.parametrize(
    ("name", "most"),
    [
        *((name, 256) for name in ("user_id", "item_id", "promo_id", "transaction_id")),
        *((name, 512) for name in ("decision_id", "recommendation_id")),
    ],
)
def test_a_long_id_is_dropped_for_two_would_become_one_if_cut(name: str, most: int) -> None:
    assert getattr(decode(EVENT | {name: "x" * most}), name) == "x" * most
    # Beside a field of another's, that is read tolerantly.
    assert getattr(decode(EVENT | {name: "x" * most, "note": 1}), name) == "x" * most
    for last in "ab":
        assert decode(EVENT | {name: "x" * most + last}) == Click(**EVENT, flags=DROPPED[name])


def test_the_catalogue_fills_what_was_not_sent() -> None:
    catalogue = Catalogue()
    catalogue.put("i1", Item(category="shoes", brand="acme", price=9.5))
    catalogue.put("i2", Item(category="hats"))
    decoder = Decoder(Limits(), catalogue)
    sent = [EVENT | {"item_id": "i1", "brand": "other"}, EVENT | {"item_id": "i2"}, EVENT | {"item_id": "i3"}]
    first, second, third = decoder.decode([record(event) for event in sent])
    assert (first.category, first.brand, first.price) == ("shoes", "other", 9.5)
    assert first.flags == FILLED["category"] | FILLED["price"]
    assert (second.category, second.brand, second.flags) == ("hats", None, FILLED["category"])
    assert third.flags == 0


def test_a_price_that_cannot_be_read_comes_from_the_catalogue() -> None:
    catalogue = Catalogue()
    catalogue.put("i1", Item(price=2e10))
    decoder = Decoder(Limits(), catalogue)
    click = decoder.decode([record(EVENT | {"item_id": "i1", "price": "free"})])[0]
    assert click.price == 1e10
    assert click.flags == DROPPED["price"] | FILLED["price"] | CLIPPED["price"]
    assert decoder.dropped == {"price": 1}


def test_a_producers_own_flags_do_not_count() -> None:
    for flags in (0, 7, -1, -2, -(1 << 62), -(1 << 70), 0.5, "x", [1], None):
        assert decode(EVENT | {"flags": flags}) == Click(**EVENT)


def test_clicks_can_be_kept_in_states() -> None:
    click = decode(EVENT | {"basket": ["a"], "consent": False})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(click), type=Click) == click
