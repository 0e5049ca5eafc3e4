"""Publish reports about model versions on `model-reports`, beside the answers and without delaying them."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiokafka
import msgspec
import structlog

from models.contract.updates import ModelReport

log = structlog.get_logger("pathcast.reports")

#: Seconds between two checks for reports, and between two reports on a running comparison.
EVERY, COMPARED_EVERY = 0.5, 10


class Reports:
    """Publishes reports; of several with the same key, the last."""

    def __init__(self, topic: str, connection: dict[str, Any]) -> None:
        self._topic, self._connection = topic, connection
        self._waiting: dict[str, ModelReport] = {}

    def tell(self, report: ModelReport) -> None:
        """Publish a report soon."""
        self._waiting[report.key] = report

    async def run(self, compared: Callable[[], ModelReport | None]) -> None:
        """Publish until cancelled, regularly also the report of `compared`, if it has news.

        A report that cannot be published is tried again.
        """
        producer = aiokafka.AIOKafkaProducer(**self._connection, acks="all")
        await producer.start()
        try:
            looks = 0
            while True:
                await asyncio.sleep(EVERY)
                looks += 1
                if looks % int(COMPARED_EVERY / EVERY) == 0 and (news := compared()) is not None:
                    self.tell(news)
                await self._publish(producer)
        finally:
            await producer.stop()

    async def _publish(self, producer: Any) -> None:
        for key, report in list(self._waiting.items()):
            try:
                await producer.send_and_wait(self._topic, msgspec.json.encode(report), key.encode())
            except aiokafka.errors.KafkaError as error:
                log.warning("report not published", key=key, reason=repr(error))
                return
            if self._waiting.get(key) is report:
                del self._waiting[key]
