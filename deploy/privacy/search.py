"""Find a visitor: in records of topics, rows of the event log, and files of the registry."""

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

import fsspec
import msgspec

from deploy.cluster.clients import consumer, drain
from deploy.privacy.named_people import message_names, state_names
from models.privacy.envelope import is_sealed
from models.privacy.erasure import request_of
from models.state import state_keys
from streams.config.connection import Connection
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_erasure import theirs_of

#: Kinds of state under the id of a visitor or user.
KINDS = (state_keys.VISITOR, state_keys.ENVELOPE, state_keys.GIVEN, state_keys.USER)


class SearchFindings(NamedTuple):
    """Records of a topic that name the visitor, and how many are sealed.

    `marks`: requests and deletion marks that name the visitor as well, and are not counted as records.
    `newest`: the newest timestamp of all of them (epoch ms).
    """

    records: int = 0
    newest: int = 0
    sealed: int = 0
    marks: int = 0


def spelled(*visitors: str) -> tuple[bytes, ...]:
    """Ids as JSON strings, with and without escapes."""
    return tuple({text for one in visitors for text in (msgspec.json.encode(one), json.dumps(one).encode())})


def in_topics(
    to: Connection, topics: Collection[str], *visitors: str, marked: Collection[str] = ()
) -> dict[str, SearchFindings]:
    """Search all committed records of the topics by key and value. Raises KafkaUnreachable.

    An empty value on a topic in `marked` is a deletion mark. Here and below `visitors` are names of the same
    person: the id and its pseudonym.
    """
    texts = spelled(*visitors)
    named = {*(one.encode() for one in visitors), *texts}
    found = {}
    with consumer(to) as client:
        for topic in topics:
            theirs = [
                record
                for record in drain(client, topic)
                if record.key in named
                or any(text in (record.value or b"") for text in texts)
                or message_names(record.value, visitors)
            ]
            newest = max((record.timestamp for record in theirs), default=0)
            sealed = sum(is_sealed(record.value) for record in theirs)
            marks = sum(_is_mark(record, topic in marked) for record in theirs)
            found[topic] = SearchFindings(len(theirs) - marks, newest, sealed, marks)
    return found


def _is_mark(record: Any, marked: bool) -> bool:
    return (marked and record.value is None) or request_of(record) is not None


def in_changelog(to: Connection, changelog: str, *visitors: str) -> int:
    """The number of present and former values of record, key and timers, without deletion marks."""
    names = {kind + one.encode() for one in visitors for kind in KINDS}
    with consumer(to) as client:
        if not client.partitions_for_topic(changelog):
            return 0
        records = drain(client, changelog)
        return sum(
            record.value is not None and (_is_of(record.key, names) or state_names(record, visitors))
            for record in records
        )


def _is_of(found: bytes, visitor_keys: Collection[bytes]) -> bool:
    timer = found.startswith(state_keys.TIMER) and state_keys.timer_parts(found)[1] in visitor_keys
    kept = found.startswith(state_keys.DECISION) and state_keys.decision_visitor(found) in visitor_keys
    return found in visitor_keys or timer or kept


def in_event_log(log: EventLog, *visitors: str) -> int:
    """The number of rows in all tables. Raises EventLogError."""
    theirs = theirs_of(visitors)
    columns = ["_key", "_bytes", "_refused", "visitor_id"]
    return sum(
        len(log.read(file, columns).filter(theirs)) for manifest in log.manifests() for file in manifest.files
    )


def in_registry(registry: str, *visitors: str) -> list[str]:
    """Files of a registry (a folder or an fsspec URL) that contain a name as a JSON string."""
    texts = spelled(*visitors)
    fs, root = fsspec.core.url_to_fs(registry)
    return [name for name, content in _files(fs, root) if any(text in content for text in texts)]


def _files(fs: Any, root: str) -> Iterator[tuple[str, bytes]]:
    paths: Iterable[str] = fs.find(root) if fs.exists(root) else ()
    for path in paths:
        yield path.removeprefix(root).lstrip("/"), fs.cat_file(path)
