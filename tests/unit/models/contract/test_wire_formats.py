"""Keys as JSON strings and a schema registry's prefix: read by setting, named with the setting without it."""

import json
from itertools import product

import pytest

from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import Click, Limits, Reason
from models.contract.profile_updates import ProfileDecoder, ProfileUpdate, Removal
from models.contract.pseudonyms import Pseudonyms
from models.contract.wire_formats import PLAIN, WireFormat
from tests.offline import Record

TS = 1_700_000_000_000
IDS = ("anna", "17", 'a "quoted" one', "Zoë", "\N{SNOWMAN}")
PREFIXES = (bytes.fromhex("0000000007"), bytes.fromhex("00000186ca"), bytes.fromhex("00ffffffff"))
KEYS = {
    "raw": lambda name, prefix: name.encode(),
    "json": lambda name, prefix: json.dumps(name, ensure_ascii=prefix[-1] % 2 == 0).encode(),
    "framed": lambda name, prefix: prefix + name.encode(),
    "framed-json": lambda name, prefix: prefix + json.dumps(name).encode(),
}
SECRET = Pseudonyms(b"0123456789abcdef0123456789abcdef")


def event(name):
    return {"event_id": "e1", "visitor_id": name, "ts": TS, "event": "view_item", "item_id": "i1"}


def value(name, prefix=b""):
    return prefix + json.dumps(event(name)).encode()


def decoded(key, found, wire=PLAIN, pseudonyms=None):
    decoder = Decoder(Limits(), Catalogue(), pseudonyms=pseudonyms, wire=wire)
    return decoder.decode([Record(0, TS, key, found)])[0]


@pytest.mark.parametrize(("name", "form", "prefix"), [*product(IDS, KEYS, PREFIXES)])
def test_a_format_reads_its_own_keys_and_bare_ones(name, form, prefix):
    wire = WireFormat(form, "framed")
    for key in (KEYS[form](name, prefix), name.encode()):
        for found in (value(name, prefix), value(name)):
            click = decoded(key, found, wire)
            assert isinstance(click, Click), click
            assert click.visitor_id == name


@pytest.mark.parametrize(("form", "prefix"), [*product(["json", "framed", "framed-json"], PREFIXES)])
@pytest.mark.parametrize("pseudonyms", [None, SECRET])
def test_without_the_setting_the_refusal_names_it(form, prefix, pseudonyms):
    refused = decoded(KEYS[form]("anna", prefix), value("anna"), pseudonyms=pseudonyms)
    assert refused.reason == Reason.KEY_MISMATCH
    assert f"set PATHCAST_KEY_FORMAT={form}, or " in refused.message
    assert "quotes" in refused.message or "prefix of 5 bytes" in refused.message
    assert "anna" not in refused.message


@pytest.mark.parametrize("name", IDS)
def test_an_event_that_was_serialised_twice_is_read(name):
    twice = json.dumps(value(name).decode()).encode()
    assert decoded(name.encode(), twice) == decoded(name.encode(), value(name))


@pytest.mark.parametrize("found", [b'"hello"', b'"17"', b'"[1]"', b'"\\"', b'"{\\"a\\":"'])
def test_a_text_that_is_no_event_is_malformed(found):
    refused = decoded(b"anna", found)
    assert refused.reason == Reason.MALFORMED
    assert "expected one JSON object" in refused.message


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_prefix_before_a_value_is_named(prefix):
    refused = decoded(b"anna", value("anna", prefix))
    assert refused.reason == Reason.MALFORMED
    assert f"(schema {int.from_bytes(prefix[1:])})" in refused.message
    assert "PATHCAST_VALUE_FORMAT=framed" in refused.message


def test_a_prefix_before_what_is_no_json_has_another_cure():
    refused = decoded(b"anna", PREFIXES[0] + b"\x02\x08anna", WireFormat())
    assert "Avro or Protobuf" in refused.message
    assert "PATHCAST_VALUE_FORMAT" not in refused.message


@pytest.mark.parametrize(
    "key",
    [
        b'{"visitor_id":"17"}',
        b'{"id": 17}',
        b'{"schema":{"type":"string","optional":false},"payload":"17"}',
        b'{"schema":{"type":"struct"},"payload":{"visitor_id":"17"}}',
    ],
)
def test_a_key_that_is_an_object_of_one_field_is_its_text(key):
    assert decoded(key, value("17"), WireFormat("json")).visitor_id == "17"
    assert decoded(PREFIXES[0] + key, value("17"), WireFormat("framed-json")).visitor_id == "17"
    refused = decoded(key, value("17"))
    assert "key is the visitor_id as JSON" in refused.message
    assert "set PATHCAST_KEY_FORMAT=json, or" in refused.message


@pytest.mark.parametrize(
    "key", [b'{"a":"17","b":"17"}', b"{}", b'{"id":17.5}', b'{"id":null}', b'{"id":true}']
)
def test_an_object_that_says_no_single_id_is_no_key(key):
    assert decoded(key, value("17"), WireFormat("json")).reason == Reason.KEY_MISMATCH


@pytest.mark.parametrize("key", [b'"bertha"', PREFIXES[0] + b"bertha", b'"anna', b'""anna""', b"\x00\x00"])
@pytest.mark.parametrize("form", list(KEYS))
def test_the_key_of_another_visitor_is_refused_in_any_format(key, form):
    refused = decoded(key, value("anna"), WireFormat(form))
    assert refused.reason == Reason.KEY_MISMATCH
    assert "PATHCAST_KEY_FORMAT" not in refused.message


@pytest.mark.parametrize("key", [b'""', PREFIXES[0] + b'""'])
def test_an_empty_id_is_no_key(key):
    assert decoded(key, value("anna"), WireFormat("framed-json")).reason == Reason.MISSING_KEY


@pytest.mark.parametrize(("form", "prefix"), [*product(KEYS, PREFIXES)])
def test_profiles_and_items_are_read_the_same_way(form, prefix):
    wire, key = WireFormat(form, "framed"), KEYS[form]("anna", prefix)
    profile = prefix + json.dumps({"visitor_id": "anna", "ts": TS, "region": "north"}).encode()
    records = [Record(0, TS, key, profile), Record(1, TS, key, None)]
    update, removal = ProfileDecoder(Limits(), wire=wire).decode(records)
    assert isinstance(update, ProfileUpdate)
    assert (update.visitor_id, update.region) == ("anna", "north")
    assert removal == Removal("anna", "anna")
    catalogue = Catalogue()
    catalogue.apply(wire.pairs([(KEYS[form]("i1", prefix), prefix + b'{"item_id":"i1","price":3}')]))
    assert catalogue["i1"].price == 3
    catalogue.apply(wire.pairs([(KEYS[form]("i1", prefix), None)]))
    assert "i1" not in catalogue
