"""A user on several devices: the record of the user's owner, and the messages between owners. Pure.

A visitor's owner tells the owner of their user a summary of the visitor's own profile (`Snapshot`), never a
difference. The user's owner keeps the latest of each device and tells each device the sum of the others
(`Others`). So nothing is ever subtracted from a sum: a device that left is not added the next time.

Messages between two partitions arrive once and in order, those of different partitions in any order. Nothing
else is relied on; there are no clocks here.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from models.identity.joining import total
from models.identity.messages import Given, Message, Others, Snapshot, ToUser
from models.state.facts import Shared, Transition
from models.state.summary import Summary
from models.state.traits import Traits
from models.state.visitor import StateError

VERSION: Final = 1
MOST_DEVICES: Final = 16


class Device(msgspec.Struct, array_like=True, gc=False):
    """The latest snapshot of a device."""

    partition: int
    at: int
    summary: Summary


class User(msgspec.Struct, array_like=True):
    """The record of a user; an empty one is deleted.

    `devices` by visitor id, at most 16; `given` are the traits given by the topic `profiles`.
    """

    version: int = VERSION
    devices: dict[str, Device] = {}
    given: Traits | None = None


_encoder = msgspec.msgpack.Encoder()
_users = msgspec.msgpack.Decoder(User)

#: msgpack of a user's record.
encode = _encoder.encode


def decode_user(record: bytes) -> User:
    """The user of a record. Raises StateError for another format and for damaged bytes."""
    try:
        user = _users.decode(record)
    except (msgspec.DecodeError, ValueError) as error:
        raise StateError(f"damaged user record ({error}); rebuild the state from the changelog") from error
    if user.version != VERSION:
        raise StateError(
            f"user record of format {user.version}, this program reads {VERSION}: use the program that wrote "
            "it, or start with an empty state"
        )
    return user


def snapshots(visitor_id: str, partition: int, found: Iterable[Transition]) -> list[Message]:
    """The messages for a visitor's transitions from a step, `advance`, `linking.give` or `linking.unlink`."""
    return [
        Snapshot(one.user_id, visitor_id, partition, one.at, one.summary)
        for one in found
        if type(one) is Shared
    ]


def receive(user: User | None, message: ToUser) -> tuple[User | None, list[Message]]:
    """The user after a message (None: nothing left to keep), and the messages to the user's devices.

    The user passed in belongs to the callee.
    """
    user = User() if user is None else user
    sent = _snapshot(user, message) if isinstance(message, Snapshot) else _given(user, message)
    return user if user.devices or user.given is not None else None, sent


def _snapshot(user: User, message: Snapshot) -> list[Message]:
    visitor_id, summary = message.visitor_id, message.summary
    before = user.devices.pop(visitor_id, None)
    if summary is None:
        return _tell(user, message.user_id, user.devices) if before else []
    user.devices[visitor_id] = Device(message.partition, message.at, summary)
    if before is None:
        return _drop(user, message.user_id) + _tell(user, message.user_id, user.devices)
    if before.summary == summary:
        return []
    return _tell(user, message.user_id, user.devices.keys() - {visitor_id})


def _drop(user: User, user_id: str) -> list[Message]:
    """Beyond 16 devices, drop the one silent for longest (of equals the first by id)."""
    if len(user.devices) <= MOST_DEVICES:
        return []
    silent = min(user.devices, key=lambda name: (user.devices[name].at, name))
    dropped = user.devices.pop(silent)
    return [Others(silent, dropped.partition, user_id, None)]


def _given(user: User, message: Given) -> list[Message]:
    held, given = user.given, message.given
    if given == held:
        return []
    if given and held and given.age_ts < held.age_ts:
        return []
    user.given = given
    return _tell(user, message.user_id, user.devices)


def _tell(user: User, user_id: str, names: Iterable[str]) -> list[Message]:
    """To each of these devices the sum of the others and of the user's given traits."""
    given = [] if user.given is None else [Summary(traits=user.given)]
    sent: list[Message] = []
    for name in sorted(names):
        summaries = [device.summary for other, device in user.devices.items() if other != name]
        sent.append(Others(name, user.devices[name].partition, user_id, total(summaries + given)))
    return sent
