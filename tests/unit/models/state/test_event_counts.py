"""A record that was kept before the contract had its newest event is read with none of that event."""

import msgspec

from models.state import event_counts
from models.state.event_counts import COUNTERS
from models.state.pane_counts import Funnel, add_funnels, decode_funnel
from models.state.summary import Summary
from models.state.visitor import Visitor, decode, encode

BEFORE = COUNTERS - 1


def older(record: bytes, *places: int) -> bytes:
    """A packed record whose counts at these places lack the newest event."""
    fields = msgspec.msgpack.decode(record)
    for place in places:
        fields[place] = fields[place][:BEFORE]
    return msgspec.msgpack.encode(fields)


def test_no_event_has_been_counted_at_first() -> None:
    assert event_counts.zeros() == [0] * COUNTERS


def test_a_visitor_of_before_has_none_of_the_newest_event() -> None:
    names = Visitor.__struct_fields__
    known = Visitor(in_session=2)
    known.counts[3], known.totals[BEFORE - 1] = 2, 5
    read = decode(older(encode(known), names.index("counts"), names.index("totals")))
    assert read == known
    read.counts[BEFORE] += 1


def test_a_summary_of_before_has_none_of_the_newest_event() -> None:
    fields = Summary.__struct_fields__
    record = older(msgspec.msgpack.encode(Summary(sessions=3)), fields.index("totals"))
    assert msgspec.msgpack.decode(record, type=Summary) == Summary(sessions=3)


def test_steps_of_a_funnel_of_before_keep_their_meaning() -> None:
    record = older(msgspec.msgpack.encode(Funnel(clicks=2, edges={4 * BEFORE + 7: 2})), 0)
    read = decode_funnel(record)
    assert read == Funnel(clicks=2, edges={4 * COUNTERS + 7: 2})
    assert add_funnels(read, Funnel(edges={4 * COUNTERS + 7: 1})).edges == {4 * COUNTERS + 7: 3}
