"""Manifests: which files hold the rows of a partition, and up to which offset.

_manifests/<table>/<partition>/<number>.json: the highest number is valid. A change creates the next number as
a file that must not exist yet (as Delta Lake does; Armbrust et al. 2020). So of two writers one fails and
reads again, and a writer that was frozen cannot undo what others wrote meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import msgspec
import structlog
from msgspec import Meta

from trainer.eventlog.place import EventLogError, LogLocation

FORMAT = 1
FOLDER = "_manifests"
#: Older manifests that are kept, for readers that have just listed them.
_KEPT = 2
_TRIES = 50
log = structlog.get_logger("pathcast.eventlog")


class DataFile(msgspec.Struct, kw_only=True, frozen=True):
    """A Parquet file: offsets of its first and last row, and the span of their event times (epoch ms).

    `refused` counts its refused rows by reason; None: an older program wrote the file and did not count them.
    """

    name: str
    day: str
    first: int
    last: int
    rows: int
    bytes: int
    sha256: str
    since: int | None = None
    until: int | None = None
    refused: tuple[tuple[str, int], ...] | None = None


class Manifest(msgspec.Struct, kw_only=True, frozen=True):
    """All that the log has of one partition.

    `next` is the offset to continue from, in the topic with id `topic_id`. `rows` counts all rows ever
    written: those in files, `expired` and `erased` ones. `gaps` are spans [from, to) that the topic had
    dropped before they were read. `retired` are replaced files, and when they were replaced (epoch ms).
    """

    table: str
    partition: int
    topic: str
    topic_id: str
    next: int
    files: tuple[DataFile, ...] = ()
    rows: int = 0
    expired: int = 0
    erased: int = 0
    gaps: tuple[tuple[int, int], ...] = ()
    retired: dict[str, int] = {}
    format: Annotated[int, Meta(ge=1)] = FORMAT

    @property
    def kept(self) -> int:
        """Rows that the files hold."""
        return sum(file.rows for file in self.files)


#: Makes the next manifest from the present one (None: there is none yet), or raises.
Change = Callable[[Manifest | None], Manifest]


@dataclass(frozen=True)
class History:
    """The manifests of one partition."""

    place: LogLocation
    table: str
    partition: int

    def latest(self) -> Manifest | None:
        """The valid manifest; None if there is none. Raises EventLogError."""
        return self._latest()[1]

    def commit(self, change: Change) -> Manifest:
        """Commit a change; if another writer was faster, it is computed again. Raises EventLogError."""
        for _ in range(_TRIES):
            number, found = self._latest()
            made = change(found)
            try:
                self.place.create(self._name(number + 1), msgspec.json.encode(made))
            except FileExistsError:
                continue
            for old in self._numbers():
                if old < number + 1 - _KEPT:
                    self.place.remove(self._name(old))
            return made
        raise EventLogError(
            f"{_TRIES} others changed {self._folder} at the same time: let one process write the event log"
        )

    def _latest(self) -> tuple[int, Manifest | None]:
        for _ in range(_TRIES):
            numbers = self._numbers()
            try:
                found = next(filter(None, map(self._read, reversed(numbers))), None)
            except FileNotFoundError:  # another writer has removed it since
                continue
            if numbers and found is None:
                raise EventLogError(
                    f"no file in {self.place.url}/{self._folder} is a manifest: restore one of them, or move "
                    "the event log away to begin a new one"
                )
            return (numbers[-1] if numbers else 0), found
        raise EventLogError(f"{self._folder} changes faster than it can be read: try again")

    def _read(self, number: int) -> Manifest | None:
        """None for a manifest that was not written completely; its change is made again."""
        content = self.place.read(self._name(number))
        try:
            found = msgspec.json.decode(content, type=_Format).format
            if found > FORMAT:
                raise EventLogError(
                    f"{self.place.url} is of format {found}, this program reads {FORMAT}: use a newer one"
                )
            return msgspec.json.decode(content, type=Manifest)
        except msgspec.DecodeError as error:
            log.warning("manifest left out", file=self._name(number), reason=str(error))
            return None

    def _numbers(self) -> list[int]:
        stems = (name.removesuffix(".json") for name in self.place.names(self._folder))
        return [int(stem) for stem in stems if stem.isdigit()]

    @property
    def _folder(self) -> str:
        return f"{FOLDER}/{self.table}/{self.partition:05}"

    def _name(self, number: int) -> str:
        return f"{self._folder}/{number:012}.json"


class _Format(msgspec.Struct):
    format: int = FORMAT
