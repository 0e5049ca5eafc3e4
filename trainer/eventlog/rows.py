"""Kafka records as rows of a table, and back again.

Clicks are decoded as workers do, so that a click that workers refuse is refused here. The original bytes are
kept where the columns do not hold everything that was sent, so that a later program can read them.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import Any, Protocol

import msgspec
import polars as pl

from models.contract.aliases import EventNames, event_name
from models.contract.catalogue import Catalogue
from models.contract.decoder import ORIGINAL_TIME, Decoder
from models.contract.events import WIRE_FIELDS, Click, Limits
from models.contract.pseudonyms import Pseudonyms
from models.contract.wire_formats import PLAIN, WireFormat
from models.privacy.envelope import is_sealed
from models.privacy.erasure import sealed_id_of
from trainer.eventlog.log_tables import CLICKS, LogTable
from trainer.eventlog.place import EventLogError
from trainer.eventlog.shallow import shallow

_headers = msgspec.msgpack.Encoder().encode
_json_text = msgspec.json.Encoder().encode
#: `_refused` of an answer that cannot be read.
UNREADABLE = "unreadable"
#: `_refused` of an answer whose key is gone.
ERASED = "erased"
#: A row's columns, whether they hold all that the bytes did, and why the contract refuses the record.
Read = tuple[Sequence[Any], bool, str | None]


class LoggedRecord(Protocol):
    """The parts of a Kafka record that are kept; `timestamp` in epoch ms, -1 if there is none."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


#: From the field of the topic in the topic names, and its records, to values in the clear. A damaged value
#: stays as it is; None: its key is gone.
Opened = Callable[[str, Sequence[LoggedRecord]], Sequence[bytes | None]]


def refusing(role: str, records: Sequence[LoggedRecord]) -> list[bytes | None]:
    """The values, if there is no key file. Raises EventLogError if one is sealed."""
    for record in records:
        if is_sealed(record.value):
            raise EventLogError(
                f"{role}[{record.partition}] offset {record.offset} is sealed by its visitor's key, expected "
                "plain JSON: name the workers' master secret (PATHCAST_ENVELOPE_KEY_FILE)"
            )
    return [record.value or b"" for record in records]


class Rows:
    """Makes rows of one table. `limits`, `events`, `pseudonyms` and `wire` are those of the workers' decoder.

    `opened` opens sealed answers; one whose key is gone becomes a row marked ERASED, which must not be kept.
    With pseudonyms nothing is kept that may have an id: no original bytes, and of headers only that of a
    replay.
    """

    def __init__(
        self,
        table: LogTable,
        limits: Limits | None = None,
        events: EventNames = event_name,
        pseudonyms: Pseudonyms | None = None,
        opened: Opened = refusing,
        wire: WireFormat = PLAIN,
    ) -> None:
        self.table, self._opened, self._wire = table, opened, wire
        self._nothing = (None,) * len(table.fields)
        self._who = list(table.fields).index("visitor_id")
        # Answers already have pseudonyms.
        self._hidden = pseudonyms if table is CLICKS else None
        clicks = Decoder(limits or Limits(), Catalogue(), events, self._hidden, wire)
        self._read: Callable[[Sequence[LoggedRecord]], Iterable[Read]]
        self._read = self._clicks(clicks) if table is CLICKS else self._answers()

    def frame(self, records: Sequence[LoggedRecord]) -> pl.DataFrame:
        """The records as rows with the table's columns, in their order."""
        rows = [
            (
                record.partition,
                record.offset,
                record.timestamp,
                _other_key(self._key(record), columns[self._who]),
                self._kept(record.headers),
                None if whole or self._hidden else record.value,
                refused,
                *columns,
            )
            for record, (columns, whole, refused) in zip(records, self._read(records), strict=True)
        ]
        columns = zip(*rows, strict=True) if rows else [()] * len(self.table.schema)
        named = zip(self.table.schema.items(), columns, strict=True)
        return pl.DataFrame([_series(name, values, kind) for (name, kind), values in named])

    def _key(self, record: LoggedRecord) -> bytes | None:
        key, sealed = self._wire.bare_key(record.key), sealed_id_of(record)
        if not self._hidden or not key:
            return key
        # The key of a request that carries its sealed id is a pseudonym already.
        hashed = sealed is not None and self._hidden.opened(key, sealed) is not None
        return key if hashed else self._hidden.visitor(key).encode()

    def _kept(self, headers: Sequence[tuple[str, bytes]]) -> bytes | None:
        kept = [one for one in headers if not self._hidden or one[0] == ORIGINAL_TIME]
        return _headers(kept) if kept else None

    def _clicks(self, decoder: Decoder) -> Callable[[Sequence[LoggedRecord]], Iterable[Read]]:
        strict, columns = msgspec.json.Decoder(Click).decode, attrgetter(*WIRE_FIELDS)

        def read(records: Sequence[LoggedRecord]) -> Iterable[Read]:
            for record, click in zip(records, decoder.decode(records), strict=True):
                if isinstance(click, Click):
                    value = self._wire.bare_value(record.value)
                    yield columns(click), _same(strict, value, click), None
                else:
                    yield self._nothing, False, click.reason.value

        return read

    def _answers(self) -> Callable[[Sequence[LoggedRecord]], Iterable[Read]]:
        strict, tolerant = shallow(self.table, True), shallow(self.table, False)

        def one(value: bytes) -> Read:
            # A worker of a newer version may publish more fields: their columns are kept, and the bytes too.
            for decode, whole in ((strict, True), (tolerant, False)):
                with suppress(msgspec.DecodeError, UnicodeDecodeError):
                    return decode(value), whole, None
            return self._nothing, False, UNREADABLE

        def read(records: Sequence[LoggedRecord]) -> Iterable[Read]:
            for value in self._opened(self.table.setting, records):
                yield (self._nothing, True, ERASED) if value is None else one(value)

        return read


def _same(strict: Callable[[bytes], Click], value: bytes | None, click: Click) -> bool:
    """Whether the columns of a click hold everything that its bytes do."""
    try:
        return strict(value or b"") == click
    except (ValueError, RecursionError):
        return False


def _series(name: str, values: Sequence[Any], kind: Any) -> pl.Series:
    if kind != pl.List:
        return pl.Series(name, values, kind)
    # polars makes a series of each Python list, but reads JSON in one pass.
    texts = [None if value is None else _json_text(value).decode() for value in values]
    return pl.Series(name, texts, pl.String).str.json_decode(kind)


def _other_key(key: bytes | None, visitor: str | None) -> bytes | None:
    return key if visitor is None or key != visitor.encode() else None
