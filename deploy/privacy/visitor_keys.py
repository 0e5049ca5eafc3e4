"""Records of a visitor on compacted topics, such as the key by which answers are sealed."""

from collections.abc import Collection, Mapping

from deploy.cluster.clients import consumer, drain, producer
from models.contract.pseudonyms import Pseudonyms
from models.contract.wire_formats import PLAIN, WireFormat
from streams.config.connection import Connection

#: Values by partition and visitor.
KeyRecords = Mapping[tuple[int, bytes], bytes]


def current_records(
    to: Connection,
    topic: str,
    visitors: Collection[str],
    pseudonymiser: Pseudonyms | None = None,
    wire: WireFormat = PLAIN,
) -> KeyRecords | None:
    """The present records of visitors; None where there is no such topic. Raises KafkaUnreachable.

    With `pseudonymiser` also those under a plain id whose pseudonym, as a visitor's or as a user's, is among
    `visitors`. `wire` says how the ids stand in keys.
    """
    wanted, found = {one.encode() for one in visitors}, dict[tuple[int, bytes], bytes]()
    with consumer(to) as client:
        if not client.partitions_for_topic(topic):
            return None
        for record in drain(client, topic):
            key = wire.bare_key(record.key)
            if key in wanted or (pseudonymiser and not wanted.isdisjoint(_pseudonyms(key, pseudonymiser))):
                found.pop((record.partition, record.key), None)
                if record.value is not None:
                    found[record.partition, record.key] = record.value
    return found


def _pseudonyms(key: bytes | None, pseudonymiser: Pseudonyms) -> tuple[bytes, ...]:
    return (pseudonymiser.visitor(key).encode(), pseudonymiser.user(key).encode()) if key else ()


def delete(to: Connection, topic: str, held: KeyRecords | None, wire: WireFormat = PLAIN) -> None:
    """Delete records that have not changed, by deletion marks on their own partitions.

    A visitor who came back meanwhile has a new record, which stays.
    """
    if not held:
        return
    visitors = {(wire.bare_key(key) or b"").decode() for _, key in held}
    now = current_records(to, topic, visitors, wire=wire) or {}
    left = [place for place, wrapped in held.items() if now.get(place) == wrapped]
    with producer(to) as client:
        for sent in [client.send(topic, None, key, partition=number) for number, key in left]:
            sent.get(30)
