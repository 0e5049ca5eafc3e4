"""Whether records about joined devices name a person: links and users in the state, messages of workers."""

from collections.abc import Collection
from typing import Any

import msgspec

from models.identity import messages, user_devices
from models.state import state_keys, visitor
from models.state.visitor import StateError

#: First bytes of a msgpack array, as messages between workers are; no JSON text starts with one.
_ARRAYS = range(0x90, 0xA0)


def state_names(record: Any, names: Collection[str]) -> bool:
    """Whether a record of the changelog is a link, a user or a linked visitor that names one of these."""
    key, value = record.key, record.value
    if key.startswith(state_keys.LINK):
        return any(name in names for name in state_keys.link_parts(key))
    if not key.startswith((state_keys.USER, state_keys.VISITOR)) or not _inside(value, names):
        return False
    try:
        if key.startswith(state_keys.USER):
            return any(name in names for name in user_devices.decode_user(value).devices)
        return visitor.decode(value).user_id in names
    except StateError:
        return True


def message_names(value: bytes | None, names: Collection[str]) -> bool:
    """Whether a value is a message between workers that names one of these."""
    if not value or value[0] not in _ARRAYS or not _inside(value, names):
        return False
    try:
        message = messages.decode(value)
    except StateError:
        return True
    return message.user_id in names or getattr(message, "visitor_id", None) in names


def _inside(value: bytes, names: Collection[str]) -> bool:
    """Whether a name can be in the value: searching bytes is cheaper than decoding."""
    return any(msgspec.msgpack.encode(name) in value for name in names)
