"""Records of visitors that earlier versions wrote are read as they were meant."""

import msgspec
import pytest

from models.state import frequency_caps, pending
from models.state.exposure import Exposure, contents
from models.state.frequency_caps import ServingCount
from models.state.pending import Pending
from models.state.visitor import StateError, Visitor, decode, encode

TS = 1_700_000_000_000
#: Written by the version before format 2.
FORMAT_1 = bytes.fromhex(
    "dc003301cf0000018bcfe56800cf0000018bcfe56801c2c2c20001dc001100000000000000000000000000000000000000000000"
    "c400c400c4000100000000dc00110000000000000000000000000000000000000000008107090000000000c400c410000102030405"
    "060708090a0b0c0d0e0fc400000000009382cefedcba989601cd4cdb02cf0000018bcfe568010304059600000000000091"
    "94cfffffffffffffffffcefedcba98cf0000018bcfe568010591940300cf0000018bcfe568000800c2000000a000c0c0c0"
)
SERVINGS = {0xFEDCBA98: ServingCount(1, 19_675, 2, TS + 1, 3, 4), 5: ServingCount()}
OPEN, PARKED = [Pending((1 << 64) - 1, 0xFEDCBA98, TS + 1, 5)], [Pending(3, 0, TS, 8)]


def test_a_record_of_format_1_is_read_with_its_exposure():
    exposure = Exposure(frequency_caps.pack(SERVINGS.items()), pending.pack(OPEN), pending.pack(PARKED))
    assert decode(FORMAT_1) == Visitor(
        first_ts=TS,
        last_ts=TS + 1,
        in_session=1,
        sessions=1,
        codes=bytes(range(16)),
        categories={7: 9},
        exposure=exposure,
    )
    assert decode(encode(decode(FORMAT_1))) == decode(FORMAT_1)


def test_the_contents_of_an_exposure_are_named():
    assert contents(decode(FORMAT_1).exposure) == {
        "servings": {action: count._asdict() for action, count in SERVINGS.items()},
        "open": [entry._asdict() for entry in OPEN],
        "parked": [entry._asdict() for entry in PARKED],
        "outcomes": [],
    }


def test_a_record_from_before_the_feedback_join_is_read():
    visitor = Visitor(first_ts=TS, last_ts=TS)
    visitor.exposure.open = pending.pack(OPEN)
    fields = msgspec.msgpack.decode(encode(visitor))
    exposure, recommended = (Visitor.__struct_fields__.index(name) for name in ("exposure", "recommended"))
    assert Visitor.__struct_fields__[recommended:][:2] == ("recommended", "segment")
    fields[exposure] = fields[exposure][:3]
    assert decode(msgspec.msgpack.encode(fields[:recommended])) == visitor


@pytest.mark.parametrize("exposure", [None, [{}, []], [{1: [1 << 16]}, [], []], [{}, [[1, 2]], []]])
def test_a_damaged_record_of_format_1_is_refused(exposure):
    fields = msgspec.msgpack.decode(FORMAT_1)
    fields[Visitor.__struct_fields__.index("exposure")] = exposure
    with pytest.raises(StateError, match="damaged visitor record"):
        decode(msgspec.msgpack.encode(fields))
