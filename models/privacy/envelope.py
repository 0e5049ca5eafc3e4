"""Envelopes: a visitor's answers are sealed with the visitor's own key; deleting the key erases the answers.

A visitor's key is 256 random bits. It is stored wrapped, that is, sealed with a key derived from the master
secret. A sealed value has a mark and the name of its key, so that sealed and plain values can share a topic.
The cipher is AES-GCM, which also detects a value that was changed or moved.

    EnvelopeError
    ├── WeakMaster      the master secret is too short
    ├── WrongMaster     a key was wrapped by another secret, or damaged
    ├── KeyGone         the key of a value is not there: the value is erased
    └── NotOpened       a value was damaged, cut or moved
"""

from hashlib import blake2b
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models.errors import PathcastError

#: No JSON text begins like this; the last byte is the format's version.
MAGIC: Final = b"\x00PE\x01"
#: A shorter master secret could be guessed.
LEAST_BYTES: Final = 32
KEY_BYTES: Final = 32
#: A key's name is the beginning of the nonce that it is wrapped by.
_NAME, _TAG = 8, 16
#: Nonces are 96 random bits. A counter in the visitor's record would be used again after a transaction that
#: was aborted, whose values stay in the topic; random ones are safe up to 2**32 values of one key (NIST SP
#: 800-38D), three a click: 20 years of a click every half second. Wrapping uses one key for all visitors, and
#: so reaches that limit at four billion of them.
NONCE_BYTES: Final = 12
_BODY: Final = len(MAGIC) + _NAME + NONCE_BYTES
#: A wrapped key: nonce, key, tag.
WRAPPED_BYTES: Final = NONCE_BYTES + KEY_BYTES + _TAG


class EnvelopeError(PathcastError):
    """A value cannot be sealed or opened."""


class WeakMaster(EnvelopeError):
    """A master secret is too short."""


class WrongMaster(EnvelopeError):
    """A visitor's key was wrapped by another master secret, or is damaged."""


class KeyGone(EnvelopeError):
    """The key of a value is not there: the visitor was forgotten, or has expired."""


class NotOpened(EnvelopeError):
    """A value is not what was sealed in this place."""


def is_sealed(value: bytes | None) -> bool:
    """Whether a topic's value is sealed; a plain one is JSON."""
    return value is not None and value.startswith(MAGIC)


def name_in(value: bytes) -> bytes:
    """The name of the key that a sealed value needs."""
    return value[len(MAGIC) : len(MAGIC) + _NAME]


def name_of(wrapped: bytes) -> bytes:
    """A wrapped key's name."""
    return wrapped[:_NAME]


class Envelope:
    """One key of one visitor (the record's key, bytes), ready for use."""

    def __init__(self, visitor: bytes, name: bytes, key: bytes) -> None:
        self.name = name
        self._visitor, self._head = visitor, MAGIC + name
        self._cipher = AESGCM(key)

    def seal(self, role: str, value: bytes, nonce: bytes) -> bytes:
        """A value for the topic of that role, 40 bytes longer; `nonce` is NONCE_BYTES random bytes."""
        return b"%b%b%b" % (self._head, nonce, self._cipher.encrypt(nonce, value, self._place(role)))

    def open(self, role: str, value: bytes) -> bytes:
        """What was sealed. Raises NotOpened."""
        nonce, body = value[_BODY - NONCE_BYTES : _BODY], value[_BODY:]
        try:
            return self._cipher.decrypt(nonce, body, self._place(role))
        except (InvalidTag, ValueError):
            raise NotOpened(
                f"a sealed value of {len(value)} bytes cannot be opened as {role} of its record's key: it "
                "was damaged, cut, or sealed for another topic or visitor; read it again from where it was "
                "written"
            ) from None

    def _place(self, role: str) -> bytes:
        """Binds a value to its topic and visitor: moved elsewhere it does not open."""
        return role.encode() + b"\x00" + self._visitor


class Envelopes:
    """Creates and opens visitors' keys with one master secret (32 bytes or more). Raises WeakMaster."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < LEAST_BYTES:
            raise WeakMaster(
                f"the master secret of envelopes has {len(secret)} bytes, expected at least {LEAST_BYTES}: "
                "make one with `openssl rand -base64 48`"
            )
        self._cipher = AESGCM(blake2b(secret, digest_size=KEY_BYTES, person=b"envelope").digest())

    def wrap(self, visitor: bytes, key: bytes, nonce: bytes) -> bytes:
        """A new key of the visitor, wrapped; both arguments are random, KEY_BYTES and NONCE_BYTES long."""
        return nonce + self._cipher.encrypt(nonce, key, _owner(visitor))

    def unwrap(self, visitor: bytes, wrapped: bytes) -> Envelope:
        """The visitor's key for use. Raises WrongMaster."""
        nonce = wrapped[:NONCE_BYTES]
        try:
            key = self._cipher.decrypt(nonce, wrapped[NONCE_BYTES:], _owner(visitor))
        except (InvalidTag, ValueError):
            raise WrongMaster(
                f"a visitor's key ({len(wrapped)} bytes, expected {WRAPPED_BYTES}) does not open by this "
                "master secret: name the file that it was made with (PATHCAST_ENVELOPE_KEY_FILE), the same "
                "for workers, trainer and commands"
            ) from None
        return Envelope(visitor, name_of(wrapped), key)


def _owner(visitor: bytes) -> bytes:
    return b"key\x00" + visitor
