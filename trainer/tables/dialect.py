"""How a file is written, as its owner says it; what is left out is detected from the whole file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo


@dataclass(frozen=True)
class Dialect:
    """What is known of files before they are read; None and () are detected.

    `columns` are the names of a file without a header, by position, "" for one to leave out. `event`: every
    row is one such event. `decimal` is "." or ",". `time_format` is a strptime format of the times; times
    without a zone are of `zone`. `day_first`: 1/2/2026 is in February. `escape` takes the meaning of the next
    character away; None: there is none.
    """

    delimiter: str | None = None
    encoding: str | None = None
    columns: Sequence[str] = field(default=())
    event: str | None = None
    decimal: str | None = None
    time_format: str | None = None
    zone: tzinfo = UTC
    day_first: bool | None = None
    escape: str | None = None


#: What people say of files; the zone is a setting, and the values tell whether the day is first.
SAID = ("delimiter", "escape", "encoding", "columns", "event", "decimal", "time_format")
#: Nothing is known.
DETECTED = Dialect()
