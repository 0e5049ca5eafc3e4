"""The checkpoint of a partition's state: how far its inputs are applied, written in the same transaction."""

from collections.abc import Mapping

import msgspec

from streams.errors import PositionError

#: A topic as the broker has it: its id, and the end offset of each partition.
Topic = tuple[str, Mapping[int, int]]

#: The reserved key of the checkpoint in every partition's store and changelog; stored, so it cannot change.
CHECKPOINT_KEY = b"\x00fence"
#: Of 1 were those of workers with one transaction a partition; they refuse 2, since no group guarded theirs.
FORMAT = 2
READABLE = (1, FORMAT)


class StateCheckpoint(msgspec.Struct, array_like=True, frozen=True):
    """Positions by topic id (a topic's UUID outlives no recreation, its name does) and event time reached.

    `watermark` is event time in ms; `clock` is the wall clock (ms) when it was: not
    the record's timestamp, which a producer may set to anything. `lost` counts clicks that the topic's
    retention deleted before they were read.
    """

    positions: dict[str, int] = {}
    watermark: int = 0
    clock: int = 0
    format: int = FORMAT
    lost: int = 0

    def moved(self, positions: Mapping[str, int], watermark: int, clock: int) -> "StateCheckpoint":
        """The checkpoint after everything below `positions` (by topic id) has been applied."""
        return StateCheckpoint({**self.positions, **positions}, watermark, clock, lost=self.lost)

    def missing(self, clicks: int) -> "StateCheckpoint":
        """The checkpoint after `clicks` more were lost."""
        return msgspec.structs.replace(self, lost=self.lost + clicks)


_decoder = msgspec.msgpack.Decoder(StateCheckpoint)
_encoder = msgspec.msgpack.Encoder()


def encode(checkpoint: StateCheckpoint) -> bytes:
    """msgpack of the checkpoint."""
    return _encoder.encode(checkpoint)


def decode(value: bytes | None) -> StateCheckpoint:
    """The checkpoint in a store, empty for a new partition. Raises PositionError for another format."""
    if value is None:
        return StateCheckpoint()
    try:
        checkpoint = _decoder.decode(value)
    except msgspec.DecodeError as error:
        raise PositionError(
            f"unreadable checkpoint {value[:40]!r}: {error}; run `pathcast state rebase`"
        ) from error
    if checkpoint.format not in READABLE:
        raise PositionError(
            f"checkpoint of format {checkpoint.format}, this program reads 1 and 2; use the version of "
            "Pathcast that wrote it"
        )
    return checkpoint


def check_committed(checkpoint: StateCheckpoint, place: str, topic_id: str, known: int) -> None:
    """Refuse a state that is behind the position `known` to the group (-1: none): a commit was lost.

    Each transaction commits state and position together. Raises PositionError.
    """
    position = checkpoint.positions.get(topic_id, 0)
    if position < known:
        raise PositionError(
            f"{place} was answered up to {known}, its state has read up to {position}: the broker lost a "
            "commit; run `pathcast state rebase` to go on from the state, which answers some clicks twice"
        )


def check(checkpoint: StateCheckpoint, partition: int, topics: Mapping[str, Topic]) -> None:
    """Refuse a checkpoint that was made for another incarnation of one of the input topics, clicks first.

    A topic without a position is read from its start, unless the checkpoint has a position of a topic that is
    no input: then a topic was recreated. Raises PositionError, which names `pathcast state rebase`.
    """
    advice = "run `pathcast state rebase` to keep the state and read the topic from its start"
    known = {topic_id for topic_id, _ in topics.values()}
    gone = ", ".join(topic_id for topic_id in checkpoint.positions if topic_id not in known)
    for topic, (topic_id, ends) in topics.items():
        where, position = f"{topic}[{partition}]", checkpoint.positions.get(topic_id)
        if position is None and gone:
            raise PositionError(
                f"{where} has topic id {topic_id}, its state belongs to {gone} (recreated?); {advice}"
            )
        if position is not None and position > ends[partition]:
            raise PositionError(
                f"{where} ends at {ends[partition]}, its state has read up to {position} (truncated?); "
                f"{advice}"
            )
