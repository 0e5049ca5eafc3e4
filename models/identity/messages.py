"""The messages of the topic `identities`, between the owners of visitors and the owners of users.

A visitor is reached by partition, because with pseudonyms its id no longer says which one it is; a user by
the id as the state has it, whose hash names the partition.
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
    """To a user: what the topic `profiles` says of them; None: nothing any more."""

    user_id: str
    given: Traits | None


class Others(msgspec.Struct, array_like=True, frozen=True, tag="others"):
    """To a visitor of `partition`: the sum of the user's other devices; None: there is nothing of them."""

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
