"""The file of tokens: hashes, roles, expiry and rate of each. No token stands in it."""

import hashlib
import hmac
import json
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from models.errors import PathcastError

#: Hex digits of a SHA-256.
_DIGEST = r"^[0-9a-f]{64}$"


class TokenFileError(PathcastError):
    """The file of tokens cannot be read, or does not say what is expected."""


class Role(StrEnum):
    """What a token may be for."""

    COLLECT = "collect"
    READ = "read"
    OPERATE = "operate"
    PRIVACY = "privacy"


class TokenEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One token, told by the SHA-256 of its text, which has 256 random bits."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    sha256: Annotated[str, Meta(pattern=_DIGEST)]
    roles: Annotated[list[Role], Meta(min_length=1)]
    expires: datetime | None = None
    requests_per_second: Annotated[float, Meta(gt=0, le=1e6)] | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    token: list[TokenEntry]


class Caller(NamedTuple):
    """Who calls: the token's name, its roles, and its rate (requests a second; None: the default)."""

    name: str
    roles: frozenset[Role]
    rate: float | None = None


#: A caller on this machine where there is no file of tokens.
LOCAL = Caller("local", frozenset(Role))


def digest(token: str) -> str:
    """What stands in the file of a token."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def parse(text: str) -> list[TokenEntry]:
    """The entries of a file. Raises TokenFileError."""
    try:
        entries = msgspec.convert(tomllib.loads(text), _File).token
    except (ValueError, RecursionError) as error:  # also of numbers and arrays that no file should have
        raise TokenFileError(
            f"the file of tokens does not fit: {error}; expected [[token]] tables with name, sha256, roles, "
            "and optionally expires and requests_per_second, as `pathcast gateway token` writes them"
        ) from error
    names = [entry.name for entry in entries]
    if twice := {name for name in names if names.count(name) > 1}:
        raise TokenFileError(f"tokens {', '.join(sorted(twice))} occur twice: give each its own name")
    if naive := [one.name for one in entries if one.expires is not None and one.expires.tzinfo is None]:
        raise TokenFileError(f"expires of {naive[0]} names no zone: write it as 2030-01-31T00:00:00Z")
    return entries


def find(entries: Sequence[TokenEntry], token: str) -> TokenEntry | None:
    """The entry of a token, expired or not. All entries are compared, each in constant time."""
    wanted, found = digest(token), None
    for entry in entries:
        if hmac.compare_digest(entry.sha256, wanted):
            found = entry
    return found


def expired(entry: TokenEntry, now: datetime | None = None) -> bool:
    """Whether an entry's time is over."""
    return entry.expires is not None and entry.expires <= (now or datetime.now(UTC))


def line(name: str, token: str, roles: Sequence[Role], expires: datetime, **further: Any) -> str:
    """A new entry as text, to be added to a file."""
    # A JSON text is a TOML text, too.
    texts = [f"name = {json.dumps(name)}", f"sha256 = {json.dumps(digest(token))}"]
    texts += [f"roles = {json.dumps(list(roles))}"]
    texts += [f"expires = {expires.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"]
    texts += [f"{key} = {value}" for key, value in further.items() if value is not None]
    return "\n".join(["[[token]]", *texts, ""])
