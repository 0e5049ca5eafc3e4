"""The thread that fetches: committed records only, with short waits for low latency."""

from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

#: The broker answers a fetch after this many bytes or this time (ms). Answering at once would mean a fetch
#: for each click or two, which costs as much as scoring ten. At 1,000 clicks/s 2 ms are worse than 8; 30 ms,
#: which save transactions on a slow machine, are worse by half. Requests after an idle fetch (the ends of the
#: changelog, at every rebalance) also wait for it: Faust's default of 1.5 s would make them much slower.
FETCH_BYTES = 16 << 10
FETCH_WAIT_MS = 8
#: Interval (s) at which aiokafka looks at prefetched records; its default of 0.1 would dominate latency.
PREFETCH_BACKOFF = 0.002


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Reads committed records only, which Faust does in its own exactly-once mode alone."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms, consumer._fetch_min_bytes = FETCH_WAIT_MS, FETCH_BYTES
        return consumer

    async def on_start(self) -> None:
        """Start, and look at prefetched records often."""
        await super().on_start()
        self._consumer._fetcher._prefetch_backoff = PREFETCH_BACKOFF

    def position_now(self, tp: TP) -> int | None:
        """The next position to fetch, None where it is not known (yet)."""
        subscription = self._consumer._subscription.subscription
        state = subscription.assignment.state_value(tp) if subscription and subscription.assignment else None
        return state.position if state is not None and state.has_valid_position else None
