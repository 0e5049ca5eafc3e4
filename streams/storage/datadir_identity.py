"""The name of a datadir, so that another datadir at the same place is not mistaken for it."""

import secrets
import socket
from pathlib import Path
from typing import NamedTuple

_FILE = "identity"
#: Prefix of a worker's Kafka client id in its group; the name of the datadir follows.
CLIENT = "pathcast-worker-"


class DatadirIdentity(NamedTuple):
    """`worker` is generated with the datadir and deleted with it; `place` is host and path."""

    worker: str
    place: str


def identity(datadir: Path) -> DatadirIdentity:
    """The identity of a datadir, generated where it has none. Raises OSError."""
    file = datadir / _FILE
    worker = file.read_text(encoding="utf-8").strip() if file.exists() else ""
    if not worker:
        worker = secrets.token_hex(8)
        file.write_text(worker + "\n", encoding="utf-8")
    return DatadirIdentity(worker, f"{socket.gethostname()}:{datadir}")
