"""Which files hold a partition's rows, and up to which offset: the one truth of the event log.

_manifests/<table>/<partition>/<number>.json: the highest number holds. A change makes the next number, as a
file that must not exist yet (as Delta Lake does; Armbrust et al. 2020), so of two writers one fails and looks
again, and one who was frozen and wakes up cannot take anything back.
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
#: Manifests that stay beside the newest one, for readers who have just looked.
_KEPT = 2
_TRIES = 50
log = structlog.get_logger("pathcast.eventlog")


class DataFile(msgspec.Struct, kw_only=True, frozen=True):
    """A Parquet file: offsets of its first and last row, and the span of their event times (epoch ms).

    `refused` counts its refused rows by reason; None: an older program wrote the file, and did not count.
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

    `next` is the offset to read on from, in the topic with id `topic_id`. `rows` counts what was ever
    written: it is the files' rows and the `expired` and `erased` ones. `gaps` are spans [from, to) that the
    topic had dropped before they were read. `retired` are files that were replaced, and when (epoch ms).
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


#: Makes the next manifest of the present one (None: there is none yet), or raises.
Change = Callable[[Manifest | None], Manifest]


@dataclass(frozen=True)
class History:
    """The manifests of one partition."""

    place: LogLocation
    table: str
    partition: int

    def latest(self) -> Manifest | None:
        """What holds now. Raises EventLogError."""
        return self._latest()[1]

    def commit(self, change: Change) -> Manifest:
        """Make the change hold; it is asked again where another writer was faster. Raises EventLogError."""
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
            except FileNotFoundError:  # another writer has tidied up since
                continue
            if numbers and found is None:
                raise EventLogError(
                    f"no file in {self.place.url}/{self._folder} is a manifest: restore one of them, or move "
                    "the event log away to begin a new one"
                )
            return (numbers[-1] if numbers else 0), found
        raise EventLogError(f"{self._folder} changes faster than it can be read: try again")

    def _read(self, number: int) -> Manifest | None:
        """None for one that was not written to its end: what it said is written again."""
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
