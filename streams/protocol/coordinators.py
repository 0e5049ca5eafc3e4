"""Send requests to the coordinators of groups and transactions, and again where a broker asks for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError, RequestTimedOutError
from kafka import errors

from streams.protocol.wire_format import KafkaRequest

GROUP, TRANSACTION = CoordinationType.GROUP, CoordinationType.TRANSACTION
#: Seconds between two attempts: the marks of the transaction before are written within milliseconds, a
#: coordinator moves within seconds.
SHORT_PAUSE, PAUSE = 0.001, 0.05
#: Seconds after which a request that is refused for the moment has failed.
PATIENCE = 60.0

_MOVED = (errors.NotCoordinatorError, errors.CoordinatorNotAvailableError)
#: Brokers learn of new topics one after the other.
_BUSY = (
    errors.ConcurrentTransactionsError,
    errors.CoordinatorLoadInProgressError,
    errors.UnknownTopicOrPartitionError,
)
UNREACHABLE = (KafkaConnectionError, NodeNotReadyError, RequestTimedOutError)


async def settled(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """The results of all, or the first failure, in either case after all have ended."""
    if len(work) == 1:
        return [await work[0]]
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


class Coordinators:
    """The coordinators that one client talks to, on the connections that also carry record batches.

    A broker answers the requests of a connection one after the other, and must: it refuses a batch while it
    checks whether positions of the same transaction belong to it, and the other way round.
    """

    def __init__(self, client: AIOKafkaClient) -> None:
        self._client = client
        self._nodes: dict[tuple[CoordinationType, str], int] = {}

    async def ask(self, kind: CoordinationType, key: str, request: KafkaRequest) -> Any:
        """What the coordinator of a group or transactional id `key` answers.

        Raises the error of a response that says more than "not here" or "not now", or after PATIENCE the last
        of these.
        """
        clock = asyncio.get_running_loop().time
        until, pause = clock() + PATIENCE, SHORT_PAUSE
        while True:
            failure: Exception
            try:
                node = await self._find(kind, key)
                answer = await self._client.send(node, request)
                if not answer.code:
                    return answer.value
                failure = errors.for_code(answer.code)()
            except UNREACHABLE as error:
                failure = error
            if clock() > until or not isinstance(failure, (*_MOVED, *_BUSY, *UNREACHABLE)):
                raise failure
            if not isinstance(failure, _BUSY):
                self._nodes.pop((kind, key), None)
                pause = PAUSE
            await asyncio.sleep(pause)
            pause = min(1.2 * pause, PAUSE)

    async def _find(self, kind: CoordinationType, key: str) -> int:
        node = self._nodes.get((kind, key))
        if node is None:
            try:
                node = int(await self._client.coordinator_lookup(kind, key))
            except KafkaError as error:
                if not getattr(error, "retriable", False):
                    raise
                raise NodeNotReadyError(f"no coordinator for {key}: {error!r}") from error
            if not await self._client.ready(node):
                await self._client.force_metadata_update()
                raise NodeNotReadyError(f"the coordinator of {key}, node {node}, cannot be reached")
            self._nodes[kind, key] = node
        return node
