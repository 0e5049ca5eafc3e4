"""The fence: where a partition's own state says it has read to, in the same transaction as that state."""

from collections.abc import Mapping

import msgspec

from streams.errors import PositionError

#: A topic as the broker has it: its id, and the end offset of each partition.
Topic = tuple[str, Mapping[int, int]]

#: The reserved key of the fence in every partition's store and changelog.
FENCE_KEY = b"\x00fence"
FORMAT = 1


class Position(msgspec.Struct, array_like=True, frozen=True):
    """Positions by topic id (a topic's UUID outlives no recreation, its name does) and event time reached.

    `watermark` is event time in ms; `clock` is the wall clock (ms) when it was: not
    the record's timestamp, which a producer may set to anything.
    """

    positions: dict[str, int] = {}
    watermark: int = 0
    clock: int = 0
    format: int = FORMAT

    def moved(self, positions: Mapping[str, int], watermark: int, clock: int) -> "Position":
        """The fence after everything below `positions` (by topic id) has been applied."""
        return Position({**self.positions, **positions}, watermark, clock)


_decoder = msgspec.msgpack.Decoder(Position)
_encoder = msgspec.msgpack.Encoder()


def encode(fence: Position) -> bytes:
    """msgpack of the fence."""
    return _encoder.encode(fence)


def decode(value: bytes | None) -> Position:
    """The fence in a store; an empty one for a new partition. Raises PositionError for another format."""
    if value is None:
        return Position()
    try:
        fence = _decoder.decode(value)
    except msgspec.DecodeError as error:
        raise PositionError(
            f"unreadable fence {value[:40]!r}: {error}; run `pathcast state rebase`"
        ) from error
    if fence.format != FORMAT:
        raise PositionError(
            f"fence of format {fence.format}, this program reads {FORMAT}; use the program that wrote it"
        )
    return fence


def check(fence: Position, partition: int, topics: Mapping[str, Topic]) -> None:
    """Refuse a fence that was made for another incarnation of one of the input topics, clicks first.

    A topic that the fence does not know is read from its start, unless the fence knows one that is no input:
    then one of them was recreated. Raises PositionError naming `pathcast state rebase`.
    """
    advice = "run `pathcast state rebase` to keep the state and read the topic from its start"
    known = {topic_id for topic_id, _ in topics.values()}
    gone = ", ".join(topic_id for topic_id in fence.positions if topic_id not in known)
    for topic, (topic_id, ends) in topics.items():
        where, position = f"{topic}[{partition}]", fence.positions.get(topic_id)
        if position is None and gone:
            raise PositionError(
                f"{where} has topic id {topic_id}, its state belongs to {gone} (recreated?); {advice}"
            )
        if position is not None and position > ends[partition]:
            raise PositionError(
                f"{where} ends at {ends[partition]}, its state has read up to {position} (truncated?); "
                f"{advice}"
            )
