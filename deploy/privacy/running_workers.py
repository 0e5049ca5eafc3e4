"""Running workers, by the names of their datadirs."""

from kafka.errors import KafkaError

from deploy.cluster.clients import admin
from streams.config.connection import Connection
from streams.storage.datadir_identity import CLIENT


def running(to: Connection, application_id: str) -> frozenset[str] | None:
    """The workers that are members of the consumer group; None where that is unknown.

    It is unknown where a member has an older version, which does not send its name. A killed worker stays a
    member until its session times out. Raises KafkaUnreachable.
    """
    with admin(to) as client:
        try:
            described = client.describe_groups([application_id])
        except KafkaError:
            # A broker that has just started has no coordinator yet.
            return None
    clients = [str(member["client_id"]) for group in described.values() for member in group["members"]]
    if not all(client.startswith(CLIENT) for client in clients):
        return None
    return frozenset(client.removeprefix(CLIENT) for client in clients)
