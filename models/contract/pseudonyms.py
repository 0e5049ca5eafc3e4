"""Pseudonyms: a keyed hash in place of a person's id; only the holder of the key can compute it.

Keyed BLAKE2b, 128 bits as 32 hexadecimal digits: among a billion visitors two share a pseudonym with a
probability of 2e-21. The same id as a visitor's and as a user's gives different pseudonyms.
"""

import re
from hashlib import blake2b
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models.contract.events import Click
from models.errors import PathcastError

#: A shorter secret could be guessed.
LEAST_BYTES: Final = 32
_BYTES: Final = 16
#: Of the random number that a sealed id begins with.
NONCE_BYTES: Final = 12
_LOOK: Final = re.compile(f"[0-9a-f]{{{2 * _BYTES}}}")


class WeakSecret(PathcastError):
    """A secret for pseudonyms is too short."""


def looks_like_one(name: str) -> bool:
    """Whether a name has a pseudonym's form. An id of 32 hexadecimal digits has it as well."""
    return _LOOK.fullmatch(name) is not None


class Pseudonyms:
    """Makes pseudonyms with one secret (32 bytes or more). Changing it makes every visitor appear new.

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
        self._sealed = AESGCM(blake2b(digest_size=32, key=key, person=b"sealed id").digest())
        #: Identifies the secret without revealing it.
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

    def seal(self, raw: bytes, nonce: bytes) -> bytes:
        """A visitor's id in UTF-8, readable only with the secret; `nonce` is NONCE_BYTES random bytes."""
        return nonce + self._sealed.encrypt(nonce, raw, self.visitor(raw).encode())

    def opened(self, name: bytes, sealed: bytes) -> bytes | None:
        """The id that was sealed by this secret and has this pseudonym; None for anything else."""
        try:
            return self._sealed.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name)
        except (InvalidTag, ValueError):
            return None

    def pseudonymise(self, click: Click) -> None:
        """Put pseudonyms in the place of the ids of a person in a click."""
        click.visitor_id = self.visitor(click.visitor_id.encode())
        if click.user_id is not None:
            click.user_id = self.user(click.user_id.encode())
