"""Pseudonyms: a person's id replaced by a keyed hash, which only who holds the key can make from the id.

Keyed BLAKE2b, 128 bits as 32 hexadecimal digits: among a billion visitors two share a pseudonym with a
probability of 2e-21. The same id as a visitor's and as a user's gives different pseudonyms.
"""

from hashlib import blake2b
from typing import Final

from models.errors import PathcastError
from models.events import Click

#: Fewer bytes of a secret could be guessed.
LEAST_BYTES: Final = 32
_BYTES: Final = 16


class WeakSecret(PathcastError):
    """A secret for pseudonyms is too short."""


class Pseudonyms:
    """Makes pseudonyms by one secret (bytes, 32 or more); another secret makes unknown visitors of all.

    Raises WeakSecret.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < LEAST_BYTES:
            raise WeakSecret(
                f"the secret for pseudonyms has {len(secret)} bytes, expected at least {LEAST_BYTES}: make "
                "one with `openssl rand -base64 48`"
            )
        key = blake2b(secret).digest()
        self._visitor = blake2b(digest_size=_BYTES, key=key, person=b"visitor")
        self._user = blake2b(digest_size=_BYTES, key=key, person=b"user")
        #: Tells one secret from another, and nothing else of it.
        self.fingerprint = blake2b(digest_size=8, key=key, person=b"fingerprint").hexdigest()

    def visitor(self, raw: bytes) -> str:
        """Of a visitor's id in UTF-8, as it is a record's key."""
        # A copy has the key hashed in already.
        made = self._visitor.copy()
        made.update(raw)
        return made.hexdigest()

    def user(self, raw: bytes) -> str:
        """Of a user's id in UTF-8."""
        made = self._user.copy()
        made.update(raw)
        return made.hexdigest()

    def hide(self, click: Click) -> None:
        """Put pseudonyms in the place of the ids of a person in a click."""
        click.visitor_id = self.visitor(click.visitor_id.encode())
        if click.user_id is not None:
            click.user_id = self.user(click.user_id.encode())
