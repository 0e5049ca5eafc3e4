"""What a datadir is called: a name of its own, so that another one in its place is not taken for it."""

import secrets
import socket
from pathlib import Path
from typing import NamedTuple

_FILE = "identity"
#: How the name of a worker's Kafka client begins that is a member of the group; the datadir's name follows.
CLIENT = "pathcast-worker-"


class DatadirIdentity(NamedTuple):
    """`worker` is made with the datadir and goes with it; `place` says where that is."""

    worker: str
    place: str


def identity(datadir: Path) -> DatadirIdentity:
    """Of this datadir, made where it has none yet. Raises OSError."""
    file = datadir / _FILE
    worker = file.read_text(encoding="utf-8").strip() if file.exists() else ""
    if not worker:
        worker = secrets.token_hex(8)
        file.write_text(worker + "\n", encoding="utf-8")
    return DatadirIdentity(worker, f"{socket.gethostname()}:{datadir}")
