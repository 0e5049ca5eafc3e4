"""Append record batches to their partitions: one request at a time to each leader, again where it is safe."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.client import AIOKafkaClient
from kafka import errors

from streams.protocol.coordinators import UNREACHABLE, settled
from streams.protocol.leaders import leader, partitions
from streams.protocol.record_batches import RecordBatch
from streams.protocol.transaction_requests import Producer, produce
from streams.protocol.wire_format import Place

#: Most bytes of one request; a single larger batch has a request of its own.
MAX_REQUEST_BYTES = 16 << 20
#: How long (ms) a leader waits for its replicas.
ACK_TIMEOUT_MS = 30_000
#: Seconds between two attempts, and seconds until a partition that cannot be written to has failed.
PAUSE, PATIENCE = 0.05, 60.0


async def append(client: AIOKafkaClient, producer: Producer, batches: Sequence[RecordBatch]) -> list[int]:
    """Append all batches, those of one partition in order; returns the offset of each one's first record.

    An attempt whose answer was lost is repeated: brokers know a repeated batch by its sequence number. Raises
    the error of a batch that was refused.
    """
    waiting: dict[Place, deque[RecordBatch]] = defaultdict(deque)
    for batch in batches:
        waiting[batch.place].append(batch)
    await partitions(client, {topic for topic, _ in waiting})
    offsets: dict[int, int] = {}
    until = asyncio.get_running_loop().time() + PATIENCE
    while waiting:
        refused = await _append_some(client, producer, waiting, offsets)
        if refused is not None:
            if asyncio.get_running_loop().time() > until:
                raise refused
            await asyncio.sleep(PAUSE)
    return [offsets[id(batch)] for batch in batches]


async def _append_some(
    client: AIOKafkaClient,
    producer: Producer,
    waiting: dict[Place, deque[RecordBatch]],
    offsets: dict[int, int],
) -> Exception | None:
    """Send the first batches of all partitions; returns a refusal that may pass."""
    answers = await settled(
        *(_send(client, producer, node, heads) for node, heads in _by_leader(client, waiting).items())
    )
    refused: Exception | None = None if answers else errors.LeaderNotAvailableError()
    for place, answer in (item for found in answers for item in found.items()):
        if isinstance(answer, Exception):
            if not getattr(answer, "retriable", True):
                raise answer
            refused = answer
            continue
        offsets[id(waiting[place].popleft())] = answer
        if not waiting[place]:
            del waiting[place]
    if getattr(refused, "invalid_metadata", False):
        await client.force_metadata_update()
    return refused


def _by_leader(
    client: AIOKafkaClient, waiting: Mapping[Place, deque[RecordBatch]]
) -> dict[int, dict[Place, bytearray]]:
    heads: dict[int, dict[Place, bytearray]] = defaultdict(dict)
    sizes: dict[int, int] = defaultdict(int)
    for place, batches in waiting.items():
        node = leader(client, place)
        if node is None:
            continue
        size = len(batches[0].data)
        if not sizes[node] or sizes[node] + size <= MAX_REQUEST_BYTES:
            heads[node][place] = batches[0].data
            sizes[node] += size
    return heads


async def _send(
    client: AIOKafkaClient, producer: Producer, node: int, heads: Mapping[Place, bytearray]
) -> dict[Place, Any]:
    """By place the offset of the batch, or the error with which it was refused."""
    try:
        _, answered = await client.send(node, produce(producer, heads, ACK_TIMEOUT_MS))
    except UNREACHABLE as error:
        await client.force_metadata_update()
        return dict.fromkeys(heads, error)
    return {place: _outcome(place, *answered[place]) for place in heads}


def _outcome(place: Place, code: int, offset: int) -> int | Exception:
    failure: Exception = errors.for_code(code)(f"{place[0]}[{place[1]}]")
    return failure if code else offset
