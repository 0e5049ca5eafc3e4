"""Requests to erase a visitor, on `clicks`; the owners' receipts; and records of state files.

Where pseudonyms are made, a request names the visitor by pseudonym. State older than the pseudonyms
is kept under the id itself, so the request also carries the id, sealed by the secret for pseudonyms.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta

#: Header of a record on `clicks` with a visitor's id as its key and no value; its content names the request.
FORGET: Final = "pathcast-forget"
#: Header that says that the key is a pseudonym; its content is the id, sealed (`models.contract.pseudonyms`).
SEALED_ID: Final = "pathcast-forget-sealed-id"
#: The same with a user's id as its key, as the state has it: a pseudonym where those are made.
FORGET_USER: Final = "pathcast-forget-user"
MOST_NAME: Final = 64


class ForgetRecord(Protocol):
    """A Kafka record as far as it is read here."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Erasure(msgspec.Struct, kw_only=True, frozen=True):
    """A partition owner's receipt for a request; it does not identify the visitor."""

    request: Annotated[str, Meta(description="The request's name, as the forget record has it.")]
    partition: Annotated[int, Meta(ge=0, description="Whose owner says this.")]
    found: Annotated[bool, Meta(description="Whether the partition's state had a record of the visitor.")]
    at: Annotated[int, Meta(description="When it was erased, epoch milliseconds.")]
    pseudonyms: Annotated[
        str, Meta(description="Fingerprint of the owner's secret for pseudonyms; empty: none.")
    ] = ""
    opened: Annotated[
        bool,
        Meta(
            description="The owner opened the sealed id of a request by pseudonym, and so also erased state "
            "from before there were pseudonyms."
        ),
    ] = False
    visitors: Annotated[
        int, Meta(ge=0, description="Of a user's request: how many linked visitors were erased.")
    ] = 0
    told: Annotated[
        int,
        Meta(ge=0, description="How many users' owners were told to drop an erased visitor; each answers."),
    ] = 0
    answer: Annotated[
        bool, Meta(description="It answers such a message: the user's record has the visitor no more.")
    ] = False


class StateCopy(msgspec.Struct, kw_only=True, frozen=True):
    """A partition's state files in one worker's datadir; the last record of each key counts."""

    worker: Annotated[str, Meta(min_length=1, description="The datadir's own name, made with it.")]
    place: Annotated[str, Meta(description="Its host and folder, for people.")]
    partition: Annotated[int, Meta(ge=0, description="Whose state it is.")]
    rewritten: Annotated[
        int,
        Meta(
            ge=0,
            description="The files were last rewritten for the erasure whose receipt has this `at`; 0: "
            "nobody was ever erased, or files may still hold an erased visitor.",
        ),
    ]
    at: Annotated[int, Meta(description="When this was said, epoch milliseconds.")]
    pseudonyms: Annotated[
        str, Meta(description="Fingerprint of the worker's secret for pseudonyms; empty: none.")
    ] = ""

    @property
    def key(self) -> str:
        """Its key on the topic; an empty value there says that the files are gone."""
        return f"{self.worker}/{self.partition}"


def request_of(record: ForgetRecord) -> str | None:
    """The id of a record's request, None for any other record: an empty value alone erases nobody.

    Neither does a key that is not UTF-8, which no visitor can have.
    """
    return _named(record, FORGET)


def user_request_of(record: ForgetRecord) -> str | None:
    """The request to forget the user of the key that a record is, None for any other record."""
    return _named(record, FORGET_USER)


def sealed_id_of(record: ForgetRecord) -> bytes | None:
    """The sealed id of a request by pseudonym, None for a request by the id itself."""
    return _header(record, SEALED_ID)


def _named(record: ForgetRecord, header: str) -> str | None:
    if record.value is not None or not record.key or not _is_text(record.key):
        return None
    name = _header(record, header)
    return None if name is None else name.decode("utf-8", "replace")[:MOST_NAME]


def _header(record: ForgetRecord, wanted: str) -> bytes | None:
    return next((value for name, value in record.headers if name == wanted), None)


def _is_text(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True


decode = msgspec.json.Decoder(Erasure).decode
encode = msgspec.json.Encoder().encode
decode_copy = msgspec.json.Decoder(StateCopy).decode
