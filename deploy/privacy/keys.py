"""The key by which a visitor's answers are sealed, on the topic of keys: whether it is there, and its end."""

from collections.abc import Collection, Mapping

from deploy.kafka import consumer, drain, producer
from streams.connection import Connection

#: Wrapped keys by partition and visitor.
Standing = Mapping[tuple[int, bytes], bytes]


def standing(to: Connection, topic: str, visitors: Collection[str]) -> Standing | None:
    """Their keys as of now; None where there is no such topic. Raises KafkaUnreachable."""
    wanted, found = {one.encode() for one in visitors}, dict[tuple[int, bytes], bytes]()
    with consumer(to) as client:
        if not client.partitions_for_topic(topic):
            return None
        for record in drain(client, topic):
            if record.key in wanted:
                found.pop((record.partition, record.key), None)
                if record.value is not None:
                    found[record.partition, record.key] = record.value
    return found


def delete(to: Connection, topic: str, held: Standing | None) -> None:
    """Delete those of the keys that still stand: workers that do not seal any more leave them there.

    A visitor who came back meanwhile has another key, and keeps it.
    """
    if not held:
        return
    now = standing(to, topic, {visitor.decode() for _, visitor in held}) or {}
    left = [place for place, wrapped in held.items() if now.get(place) == wrapped]
    with producer(to) as client:
        for sent in [client.send(topic, None, key, partition=number) for number, key in left]:
            sent.get(30)
