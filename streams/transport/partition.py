"""An assigned partition: its queue of clicks, its checkpoint, and its state with uncommitted changes."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from streams.config.worker_settings import WorkerSettings
from streams.effects import Effects, Message, Work
from streams.inputs.batches import CLICKS, InputBatch, Part
from streams.inputs.chunks import Chunk, Epoch
from streams.inputs.click_queue import ClickQueue
from streams.inputs.side_inputs import SideInputs
from streams.storage.partition_store import PartitionStore, Persisted
from streams.storage.uncommitted import UncommittedState
from streams.transport import state_checkpoint as checkpoints
from streams.transport.state_checkpoint import CHECKPOINT_KEY, StateCheckpoint
from streams.transport.worker_producer import PartitionMessages

#: Called with a partition and how many of its clicks were lost.
OnLoss = Callable[[int, int], Any]
Place = TypeVar("Place")


@dataclass(frozen=True, slots=True)
class Share:
    """A partition's share of a cycle: effects in order, the state that they change, the position after it."""

    partition: "AssignedPartition"
    effects: Sequence[Effects]
    state: Mapping[bytes, bytes | None]
    checkpoint: StateCheckpoint

    @property
    def position(self) -> int:
        """The next input offset after the share."""
        return self.checkpoint.positions.get(self.partition.topic_id, 0)

    def messages(self, changelog: str) -> PartitionMessages:
        """What the transaction of the cycle publishes for the partition."""
        outputs, routed = self.effects[0].outputs, self.effects[0].routed
        if len(self.effects) > 1:
            outputs = _joined(effects.outputs for effects in self.effects)
            routed = _joined(effects.routed for effects in self.effects)
        return PartitionMessages(self.partition.partition, outputs, routed, changelog, self.state.items())


class AssignedPartition:
    """Hands out batches in the order of offsets; applies effects in memory and, once committed, on disk."""

    def __init__(
        self,
        partition: int,
        settings: WorkerSettings,
        rewind: Callable[[int, int], Any],
        on_loss: OnLoss = lambda partition, clicks: None,
    ) -> None:
        self.partition = partition
        self.seeks = 0
        self.topic_id = self.changelog_id = ""
        #: As of the last applied and the last committed batch.
        self.checkpoint = self.committed = StateCheckpoint()
        self.sides = SideInputs({})
        #: Told when records arrive.
        self.arrived: Callable[[], Any] = lambda: None
        #: When the partition is idle (monotonic seconds), unless clicks arrive.
        self.idle_at = 0.0
        self._rewind, self._on_loss = rewind, on_loss
        #: Whether the checkpoint says what must be committed even without effects.
        self._unsaved = False
        self._prompted = False
        self._idle_ms = int(settings.idle_seconds * 1000)
        self._state: UncommittedState | None = None
        self._queue = ClickQueue(settings.chunk_records)
        self._group_epoch = 0
        self._effects: list[Effects] = []

    @property
    def position(self) -> int:
        """The next input offset to apply."""
        return self.checkpoint.positions.get(self.topic_id, 0)

    @property
    def committed_position(self) -> int:
        """The input offset up to which everything is committed."""
        return self.committed.positions.get(self.topic_id, 0)

    def side_position(self, topic: str) -> int:
        """The next offset of a side input to apply."""
        return self.checkpoint.positions.get(self.sides.ids[topic], 0)

    def recovered(
        self, store: PartitionStore, checkpoint: StateCheckpoint, group_epoch: int, begin: int = 0
    ) -> UncommittedState:
        """The state is recovered: chunks of this epoch may be applied from now on. Returns the state.

        `begin` is the oldest offset of the clicks, where a partition that was never read begins.
        """
        # An input that was never read gets a position, too, so that its recreation is noticed later, and
        # clicks that are deleted unread from now on can be counted.
        self._unsaved = self.topic_id not in checkpoint.positions
        first = {**dict.fromkeys(self.sides.ids.values(), 0), self.topic_id: begin}
        unread = {topic_id: at for topic_id, at in first.items() if topic_id not in checkpoint.positions}
        self.checkpoint = checkpoint.moved(unread, checkpoint.watermark, checkpoint.clock)
        self.committed = self.checkpoint
        self._state, self._group_epoch = UncommittedState(store), group_epoch
        self._queue.clear()
        # Deleted values may still be in the files, after a recovery or a crash.
        store.compact()
        self._busy()
        return self._state

    def offer(self, chunk: Chunk) -> None:
        """Queue a fetched chunk."""
        self._queue.offer(chunk)
        self.arrived()

    def offer_side(self, topic: str, records: Sequence[Any], end: int) -> None:
        """Queue records of a side input; `end` is the position of their reader. Does nothing once closed."""
        if self._state is not None:
            self.sides.offer(topic, records, end)
            self.arrived()

    @property
    def waiting(self) -> int:
        """Waiting records of clicks; at least 1 where anything else waits."""
        return self._queue.size or int(
            bool(self._queue) or self.sides.waiting or self._unsaved or self._prompted
        )

    def prompt(self) -> None:
        """Let the processor see the partition soon, even without records."""
        if self._state is not None:
            self._prompted = True
            self.arrived()

    def prompted(self) -> Work | None:
        """A work without records where one was asked for by `prompt`."""
        asked, self._prompted = self._prompted, False
        return self.work(InputBatch([], time.monotonic())) if asked and self._state is not None else None

    @property
    def full(self) -> bool:
        """Whether fetching more would only fill memory."""
        return self._queue.full

    def _busy(self) -> None:
        self.idle_at = time.monotonic() + self._idle_ms / 1000

    def take(self, most: int) -> InputBatch:
        """The next batch, with at most `most` clicks; empty where positions move without records."""
        if self._queue:
            self._busy()
        taken = self._queue.take(self.position, Epoch(self._group_epoch, self.seeks), most)
        if taken.gap:
            self._rewind(self.partition, taken.end)
        if taken.lost:
            self.checkpoint, self._unsaved = self.checkpoint.missing(taken.lost), True
        clicks = Part(CLICKS, self.topic_id, taken.records, taken.end)
        fetched_at = time.monotonic() if taken.fetched_at is None else taken.fetched_at
        return InputBatch([*self.sides.take(self.checkpoint.positions), clicks], fetched_at)

    def tick(self) -> Work | None:
        """Without clicks for some time, event time follows the clock; None where it has not moved."""
        self._busy()
        checkpoint, now = self.checkpoint, int(time.time() * 1000)
        idle_to = checkpoint.watermark + now - checkpoint.clock - self._idle_ms
        if self._state is None or not checkpoint.clock or idle_to <= checkpoint.watermark:
            return None
        return self.work(InputBatch([], time.monotonic()), idle_to)

    def work(self, batch: InputBatch, idle_to: int = 0) -> Work:
        """A batch for the processor, on the state as of the batch before."""
        assert self._state is not None
        self._prompted = False
        found = {part.topic_id: part.records for part in batch.parts}
        records = found.pop(self.topic_id, ())
        sides = {part.topic: part.records for part in batch.parts if part.topic_id in found and part.records}
        watermark, fetched_at = self.checkpoint.watermark, batch.fetched_at
        return Work(self.partition, records, self._state, watermark, fetched_at, idle_to, sides)

    def skip(self, batch: InputBatch) -> None:
        """Move past a batch without records; the position is committed with the next effects."""
        checkpoint = self.checkpoint
        self.checkpoint = checkpoint.moved(batch.ends, checkpoint.watermark, checkpoint.clock)

    def apply(self, work: Work, effects: Effects, ends: dict[str, int]) -> None:
        """Let the next batch see the effects of `work`; `ends` are the positions after it, by topic id."""
        assert self._state is not None
        clock = self.checkpoint.clock
        # Event time follows the clock since the last click; records of other inputs do not restart that.
        if work.records or work.idle_to:
            clock = int(time.time() * 1000) - (self._idle_ms if work.idle_to else 0)
        self.checkpoint = self.checkpoint.moved(ends, effects.watermark, clock)
        self._keep(effects)
        effects.applied()

    def _keep(self, effects: Effects) -> None:
        assert self._state is not None
        self._state.add([*effects.state, (CHECKPOINT_KEY, checkpoints.encode(self.checkpoint))])
        self._effects.append(effects)
        self._unsaved = False

    def share(self) -> Share | None:
        """What was applied since the last call, to be committed; None where it is nothing."""
        if self._unsaved and self._state is not None:
            self._keep(Effects(watermark=self.checkpoint.watermark))
        made, self._effects = self._effects, []
        if not made or self._state is None:
            return None
        return Share(self, made, self._state.latest(len(made)), self.checkpoint)

    def settle(self, share: Share, offset: int) -> None:
        """A share is committed, its last change at `offset` of the changelog: write it to disk, report it."""
        assert self._state is not None
        persisted = Persisted(offset, self.changelog_id, int(time.time() * 1000))
        self._state.settle(len(share.effects), share.state, persisted)
        if lost := share.checkpoint.lost - self.committed.lost:
            self._on_loss(self.partition, lost)
        self.committed = share.checkpoint
        if any(effects.erased for effects in share.effects):
            self._state.store.compact()
        for effects in share.effects:
            effects.committed()

    def close(self) -> None:
        """Drop everything that is not committed."""
        self._state, self._prompted = None, False
        self._queue.clear()
        self.sides.clear()


def _joined(parts: Iterable[Mapping[Place, list[Message]]]) -> dict[Place, list[Message]]:
    """Messages by where they go, in order."""
    joined: dict[Place, list[Message]] = {}
    for part in parts:
        for place, messages in part.items():
            joined.setdefault(place, []).extend(messages)
    return joined
