"""The thread that fetches: committed records only, as soon as there are any."""

from collections import OrderedDict
from typing import Any

from aiokafka.consumer.fetcher import PartitionRecords
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

#: The broker answers a fetch as soon as there is a record, else after this time (ms). Requests after an idle
#: fetch (the ends of the changelog, at every rebalance) wait for it, so Faust's 1.5 s would delay them.
FETCH_WAIT_MS = 100
#: Longest time (s) for which a fetch waits until the records of the former one are consumed. aiokafka would
#: otherwise leave their partitions out of it, and these would wait until a record of another one arrives.
PREFETCH_BACKOFF = 0.02


class DecodedFetches(OrderedDict[Any, Any]):
    """aiokafka's fetches by partition; their records are handed out as the decoder made them.

    aiokafka would copy each into a frozen dataclass, which takes several times as long as to decode it.
    """

    def __setitem__(self, tp: Any, fetched: Any) -> None:
        records = getattr(fetched, "_partition_records", None)
        if isinstance(records, PartitionRecords):
            records._consumer_record = _as_decoded
        super().__setitem__(tp, fetched)


def _as_decoded(_: Any, record: Any) -> Any:
    return record


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Reads committed records only, which Faust does in its own exactly-once mode alone."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms, consumer._fetch_min_bytes = FETCH_WAIT_MS, 1
        return consumer

    async def on_start(self) -> None:
        """Start, and let each fetch cover all partitions."""
        await super().on_start()
        fetcher = self._consumer._fetcher
        fetcher._prefetch_backoff, fetcher._records = PREFETCH_BACKOFF, DecodedFetches(fetcher._records)

    def position_now(self, tp: TP) -> int | None:
        """The next position to fetch, None where it is not known (yet)."""
        subscription = self._consumer._subscription.subscription
        state = subscription.assignment.state_value(tp) if subscription and subscription.assignment else None
        return state.position if state is not None and state.has_valid_position else None

    def position_state(self, tp: TP) -> tuple[Any, Any]:
        """Two objects: the first is another one in each assignment, the second after each reset by aiokafka.

        A seek leaves both.
        """
        subscription = self._consumer._subscription.subscription
        state = subscription.assignment.state_value(tp) if subscription and subscription.assignment else None
        return state, None if state is None else state._position_fut

    @property
    def member_id(self) -> str:
        """The id under which the group knows this worker, as of the latest assignment."""
        return str(self._consumer._coordinator.member_id)
