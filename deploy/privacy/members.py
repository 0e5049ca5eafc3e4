"""Which workers run, by the names of their datadirs."""

from deploy.kafka import admin
from streams.connection import Connection
from streams.identity import CLIENT


def running(to: Connection, application_id: str) -> frozenset[str] | None:
    """The workers that are members of the installation's group; None where one does not say its name.

    Workers of older versions do not. Who was killed stays a member until its session times out. Raises
    KafkaUnreachable.
    """
    with admin(to) as client:
        described = client.describe_groups([application_id])
    clients = [str(member["client_id"]) for group in described.values() for member in group["members"]]
    if not all(client.startswith(CLIENT) for client in clients):
        return None
    return frozenset(client.removeprefix(CLIENT) for client in clients)
