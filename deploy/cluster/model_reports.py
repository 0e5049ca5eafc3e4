"""Read the reports of workers about model versions from `model-reports`."""

from deploy.cluster.clients import consumer, latest_values
from models.contract.updates import ModelReport, decode_report
from streams.config.connection import Connection


def reports(to: Connection, topic: str) -> list[ModelReport]:
    """The last report of each key, oldest first. Raises KafkaUnreachable."""
    with consumer(to) as client:
        return latest_values(client, topic, decode_report)
