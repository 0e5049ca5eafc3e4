"""The visitors that are linked to a user, from the changelog of the state."""

from deploy.cluster.clients import consumer, drain
from models.state import state_keys
from streams.config.connection import Connection


def linked(to: Connection, changelog: str, user_id: str) -> list[str]:
    """Ids of the visitors; these and `user_id` are as in the state. Raises KafkaUnreachable."""
    found, prefix = dict[bytes, bool](), state_keys.links(user_id)
    with consumer(to) as client:
        if not client.partitions_for_topic(changelog):
            return []
        for record in drain(client, changelog):
            if record.key.startswith(prefix):
                found[state_keys.linked(user_id, record.key)] = record.value is not None
    return sorted(state_keys.visitor_id(key) for key, there in found.items() if there)
