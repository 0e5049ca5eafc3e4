"""Links from users to the visitors of a partition: an erasure request must find every linked visitor."""

from models.state import state_keys
from streams.effects import Reader


def changes(visitor_key: bytes, before: str, after: str) -> list[tuple[bytes, bytes | None]]:
    """State changes (None deletes) when the user of a visitor changes; an empty user id means none."""
    moved: list[tuple[bytes, bytes | None]] = []
    if before:
        moved.append((state_keys.link(before, visitor_key), None))
    if after:
        moved.append((state_keys.link(after, visitor_key), b""))
    return moved


def of_user(state: Reader, user_id: str) -> list[bytes]:
    """State keys of the visitors linked to a user."""
    return [state_keys.linked(user_id, key) for key, _ in state.scan(state_keys.links(user_id))]
