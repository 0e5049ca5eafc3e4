"""Send requests about partitions to the brokers that lead them, and again while leaders change."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import TopicAuthorizationFailedError
from aiokafka.structs import TopicPartition
from kafka import errors

from streams.protocol.coordinators import UNREACHABLE, settled
from streams.protocol.wire_format import KafkaRequest, Place

#: Seconds until every partition must have a leader, and seconds between two attempts.
PATIENCE, PAUSE = 30.0, 0.1


def leader(client: AIOKafkaClient, place: Place) -> int | None:
    """The broker that leads a partition, None while there is none."""
    node: int | None = client.cluster.leader_for_partition(TopicPartition(*place))
    return node if node is not None and node >= 0 else None


async def partitions(client: AIOKafkaClient, topics: Iterable[str]) -> list[Place]:
    """All partitions of these topics. Raises kafka.errors.TopicAuthorizationFailedError."""
    found = []
    for topic in topics:
        try:
            found += [(topic, number) for number in await client._wait_on_metadata(topic)]
        except TopicAuthorizationFailedError as error:
            raise errors.TopicAuthorizationFailedError(topic) from error
    return found


async def ask_leaders(
    client: AIOKafkaClient, places: Iterable[Place], request: Callable[[list[Place]], KafkaRequest]
) -> dict[Place, Any]:
    """What the leaders answer about each place; `request` makes the one for some places of one leader.

    Raises the error of a place, where it may pass only after PATIENCE.
    """
    wanted, found = set(places), dict[Place, Any]()
    await partitions(client, {topic for topic, _ in wanted})
    until = asyncio.get_running_loop().time() + PATIENCE
    while True:
        failure: Exception | None = None
        for place, (code, value) in (await _ask_once(client, wanted - found.keys(), request)).items():
            if not code:
                found[place] = value
                continue
            failure = errors.for_code(code)(f"{place[0]}[{place[1]}]")
            if not getattr(failure, "retriable", False):
                raise failure
        if found.keys() == wanted:
            return found
        if asyncio.get_running_loop().time() > until:
            raise failure or errors.LeaderNotAvailableError(sorted(wanted - found.keys()))
        await client.force_metadata_update()
        await asyncio.sleep(PAUSE)


async def _ask_once(
    client: AIOKafkaClient, places: Iterable[Place], request: Callable[[list[Place]], KafkaRequest]
) -> dict[Place, tuple[int, Any]]:
    nodes: dict[int, list[Place]] = defaultdict(list)
    for place in places:
        if (node := leader(client, place)) is not None:
            nodes[node].append(place)

    async def ask(node: int, ours: list[Place]) -> dict[Place, tuple[int, Any]]:
        try:
            answered: dict[Place, tuple[int, Any]] = (await client.send(node, request(ours))).value
        except UNREACHABLE:
            return {}
        return answered

    answers = await settled(*(ask(node, ours) for node, ours in nodes.items()))
    return {place: answer for answered in answers for place, answer in answered.items()}
