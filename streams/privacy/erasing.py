"""Which state keys a request to erase a visitor means."""

from typing import NamedTuple

from models.contract.pseudonyms import Pseudonyms
from models.privacy.erasure import ForgetRecord, sealed_id_of
from streams.partition_state import visitors


class StateNames(NamedTuple):
    """State keys of the visitor; `opened`: this worker could read the id sealed in a request by pseudonym."""

    keys: frozenset[bytes]
    opened: bool = False

    @classmethod
    def of(cls, record: ForgetRecord, pseudonymiser: Pseudonyms | None) -> "StateNames":
        """The visitor's names: with a secret the pseudonym, and the id for state older than the secret."""
        key, sealed = record.key or b"", sealed_id_of(record)
        if pseudonymiser is None:
            return cls(_keys(key))
        if sealed is None:
            return cls(_keys(key, pseudonymiser.visitor(key).encode()))
        plain = pseudonymiser.opened(key, sealed)
        return cls(_keys(key)) if plain is None else cls(_keys(key, plain), True)


def _keys(*names: bytes) -> frozenset[bytes]:
    return frozenset(map(visitors.key_of, names))
