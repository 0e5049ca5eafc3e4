"""Read the reports of workers about model versions from `model-reports`."""

from deploy.cluster.clients import consumer, drain
from models.contract.updates import ModelReport, decode_report
from streams.config.connection import Connection


def reports(to: Connection, topic: str) -> list[ModelReport]:
    """The last report of each key, oldest first. Raises KafkaUnreachable."""
    latest: dict[bytes, ModelReport] = {}
    with consumer(to) as client:
        for record in drain(client, topic):
            latest.pop(record.key, None)
            if record.value is not None:
                latest[record.key] = decode_report(record.value)
    return list(latest.values())
