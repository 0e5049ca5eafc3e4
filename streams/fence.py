"""The fence: where a partition's own state says it has read to, in the same transaction as that state."""

import msgspec

from streams.errors import PositionError

#: The reserved key of the fence in every partition's store and changelog.
FENCE_KEY = b"\x00fence"
FORMAT = 1


class Fence(msgspec.Struct, array_like=True, frozen=True):
    """Positions by topic id (a topic's UUID outlives no recreation, its name does) and event time reached.

    `watermark` is event time in ms; `clock` is the wall clock (ms) when it was: not
    the record's timestamp, which a producer may set to anything.
    """

    positions: dict[str, int] = {}
    watermark: int = 0
    clock: int = 0
    format: int = FORMAT

    def moved(self, topic_id: str, position: int, watermark: int, clock: int) -> "Fence":
        """The fence after everything below `position` of that topic has been applied."""
        return Fence({**self.positions, topic_id: position}, watermark, clock)


_decoder = msgspec.msgpack.Decoder(Fence)
_encoder = msgspec.msgpack.Encoder()


def encode(fence: Fence) -> bytes:
    """msgpack of the fence."""
    return _encoder.encode(fence)


def decode(value: bytes | None) -> Fence:
    """The fence in a store; an empty one for a new partition. Raises PositionError for another format."""
    if value is None:
        return Fence()
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


def check(fence: Fence, topic: str, partition: int, topic_id: str, end: int) -> None:
    """Refuse a fence that was made for another incarnation of the topic.

    `end` is the log's end offset. Raises PositionError naming `pathcast state rebase`.
    """
    where = f"{topic}[{partition}]"
    advice = "run `pathcast state rebase` to keep the state and read the topic from its start"
    if fence.positions and topic_id not in fence.positions:
        known = ", ".join(fence.positions)
        raise PositionError(
            f"{where} has topic id {topic_id}, its state belongs to {known} (recreated?); {advice}"
        )
    position = fence.positions.get(topic_id, 0)
    if position > end:
        raise PositionError(
            f"{where} ends at {end}, its state has read up to {position} (truncated?); {advice}"
        )
