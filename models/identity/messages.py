"""The messages of the topic `identities`, between the owners of visitors and the owners of users.

A visitor is addressed by partition, because a pseudonym does not tell the partition; a user by the id as the
state holds it, whose hash is the partition.
"""

import msgspec

from models.state.summary import Summary
from models.state.traits import Traits
from models.state.visitor import StateError


class Snapshot(msgspec.Struct, array_like=True, frozen=True, tag="snapshot"):
    """To a user: the profile of a linked visitor of `partition` as of its last click `at`; None: unlinked.

    `request` names the request by which the visitor was erased; empty: it was not.
    """

    user_id: str
    visitor_id: str
    partition: int
    at: int
    summary: Summary | None
    request: str = ""


class Given(msgspec.Struct, array_like=True, frozen=True, tag="given"):
    """To a user: the traits given by the topic `profiles`; None: deleted."""

    user_id: str
    given: Traits | None


class Others(msgspec.Struct, array_like=True, frozen=True, tag="others"):
    """To a visitor of `partition`: the sum of the user's other devices; None: empty."""

    visitor_id: str
    partition: int
    user_id: str
    summary: Summary | None


ToUser = Snapshot | Given
Message = ToUser | Others

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)

#: msgpack of a message.
encode = _encoder.encode


def decode(value: bytes) -> Message:
    """A message of the topic `identities`. Raises StateError."""
    try:
        return _decoder.decode(value)
    except (msgspec.DecodeError, ValueError) as error:
        raise StateError(
            f"unreadable message on identities ({error}): update all workers to one version"
        ) from error
