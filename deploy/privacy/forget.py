"""Forgetting a visitor: ask the owners, wait for their receipts, clean the event log, and prove it."""

import secrets
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from kafka import TopicPartition

from deploy.kafka import consumer, producer
from deploy.privacy import search
from deploy.privacy.copies import Confirmed, confirmed
from deploy.privacy.expiry import kept
from deploy.privacy.stores import CHANGELOG, COPIES, EVENT_LOG, MODELS, STATE, STORES, TOPICS
from deploy.state import changelog_of
from models import erasure
from models.erasure import FORGET, Erasure
from models.errors import PathcastError
from models.pseudonyms import Pseudonyms
from streams.connection import Connection
from streams.settings import WorkerSettings
from streams.topics import TopicNames
from trainer.eventlog.forget import Erased, forget
from trainer.eventlog.log import EventLog
from trainer.eventlog.tables import CLICKS
from trainer.seen import seen

HOUR_MS = 3_600_000


class ForgetError(PathcastError):
    """A visitor is not forgotten everywhere; asking again is safe."""


class Line(NamedTuple):
    """Of one store: what was found there, what was done, and when nothing of it is left."""

    store: str
    found: str
    done: str
    gone: str


class Proof(NamedTuple):
    """Says what became of a request; it does not say who asked."""

    request: str
    at: int
    lines: list[Line]


class Places(NamedTuple):
    """Where an installation keeps things."""

    to: Connection
    names: TopicNames
    worker: WorkerSettings
    log: EventLog
    hidden: Pseudonyms | None = None

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics in which a visitor can be found, by name."""
        return tuple(getattr(self.names, role) for role in TOPICS.topics)

    def called(self, visitor: str) -> tuple[str, ...]:
        """What the visitor is called here: the id, which some topics keep, and the pseudonym."""
        return (visitor, self.hidden.visitor(visitor.encode())) if self.hidden else (visitor,)


def forgotten(places: Places, visitor: str, seconds: float) -> Proof:
    """Forget, and say where the visitor was. `seconds` is how long owners have to answer.

    Raises ForgetError where an owner does not, KafkaUnreachable, and EventLogError.
    """
    request = secrets.token_hex(8)
    called = places.called(visitor)
    before = search.in_changelog(places.to, changelog_of(places.worker.application_id), *called)
    partitions = ask(places, visitor, request)
    receipts = await_receipts(places, request, partitions, seconds)
    _check_secret(places, receipts.values())
    since = {number: receipt.offset for number, receipt in receipts.items()}
    copies = confirmed(places.to, places.names.state_copies, places.names.erasures, since, seconds)
    now = int(time.time() * 1000)
    erased = forget(places.log, called, now)
    lines = [
        *_state_lines(places, [receipt.erasure for receipt in receipts.values()], copies, before),
        *_topic_lines(places, visitor),
        *_log_lines(places, visitor, erased),
        *(Line(store.name, "nothing of visitors", "", "") for store in STORES if not store.holds),
    ]
    return Proof(request, now, lines)


def ask(places: Places, visitor: str, request: str) -> int:
    """Put the request on every partition, since clicks may have gone anywhere; how many those are."""
    key, topic = visitor.encode(), places.names.clicks
    with producer(places.to) as client:
        partitions = sorted(client.partitions_for(topic))
        headers = [(FORGET, request.encode())]
        sent = [client.send(topic, None, key, headers, number) for number in partitions]
        lapsing = places.names.lapsing_visitors
        sent += [client.send(lapsing, None, one.encode()) for one in places.called(visitor)]
        for future in sent:
            future.get(30)
    return len(partitions)


class Receipt(NamedTuple):
    """What an owner said, and where on its partition of the topic of receipts."""

    offset: int
    erasure: Erasure


def await_receipts(places: Places, request: str, partitions: int, seconds: float) -> dict[int, Receipt]:
    """The first one of each partition, by partition. Raises ForgetError."""
    found: dict[int, Receipt] = {}
    topic, deadline = places.names.erasures, time.monotonic() + seconds
    with consumer(places.to) as client:
        parts = [TopicPartition(topic, number) for number in client.partitions_for_topic(topic)]
        client.assign(parts)
        client.seek_to_beginning(*parts)
        while len(found) < partitions:
            if time.monotonic() > deadline:
                raise ForgetError(
                    f"{len(found)} of {partitions} partitions answered within {seconds:.0f} s; start the "
                    "workers and ask again: the request stays on the topic, and twice does no harm"
                )
            for records in client.poll(timeout_ms=500).values():
                receipts = (Receipt(record.offset, erasure.decode(record.value)) for record in records)
                for one in receipts:
                    if one.erasure.request == request:
                        found.setdefault(one.erasure.partition, one)
    return dict(sorted(found.items()))


def _check_secret(places: Places, receipts: Iterable[Receipt]) -> None:
    """Elsewhere a visitor is found by their pseudonym: with another secret the proof would be wrong."""
    own = places.hidden.fingerprint if places.hidden else ""
    theirs = {receipt.erasure.pseudonyms for receipt in receipts} - {own}
    if theirs:
        said = ", ".join(sorted(one or "none" for one in theirs))
        raise ForgetError(
            f"workers make pseudonyms by the secret of fingerprint {said}, this command by {own or 'none'}"
            ": name the workers' own file (PATHCAST_PSEUDONYM_KEY_FILE) and ask again; their state is erased"
        )


def _state_lines(places: Places, receipts: list[Erasure], copies: Confirmed, before: int) -> Iterator[Line]:
    had = [str(receipt.partition) for receipt in receipts if receipt.found]
    at = max(receipt.at for receipt in receipts)
    found = f"a record in partition {', '.join(had)}" if had else "no record"
    yield Line(STATE.name, found, STATE.leaves, _date(at))
    yield from _copy_lines(copies, at + int(places.worker.revoked_state_hours * HOUR_MS))
    changelog = changelog_of(places.worker.application_id)
    keeps = kept(places.to, [changelog])[changelog]
    gone = keeps.compacted(at)
    told = _date(gone) if gone else "no date: set max.compaction.lag.ms of the topic"
    yield Line(f"{CHANGELOG.name} {changelog}", f"{before} values", CHANGELOG.leaves, told)


def _copy_lines(copies: Confirmed, by: int) -> Iterator[Line]:
    every, missing = copies
    clean = f"{len(every) - len(missing)} of {len(every)} copies left confirm that they are clean"
    told = "now" if not missing else "where listed below"
    yield Line(COPIES.name, clean, COPIES.leaves, told)
    for copy in missing:
        yield Line(
            f"files of partition {copy.partition} at {copy.place}",
            "not confirmed",
            f"its worker deletes or rewrites them; where the folder is gone, tell: pathcast state copies "
            f"--lost {copy.worker}",
            f"{_date(by)} where its worker runs; else delete the folder",
        )


def _topic_lines(places: Places, visitor: str) -> Iterator[Line]:
    found = search.in_topics(places.to, places.topics, *places.called(visitor))
    keeps = kept(places.to, places.topics)
    for topic, (records, newest) in found.items():
        gone = keeps[topic].expires(newest) if records else None
        told = _date(gone) if gone else "never: set retention.ms of the topic" if records else "now"
        yield Line(f"topic {topic}", f"{records} records", TOPICS.leaves if records else "", told)


def _log_lines(places: Places, visitor: str, erased: list[Erased]) -> Iterator[Line]:
    rows = sum(found.rows for found in erased)
    left = search.in_event_log(places.log, *places.called(visitor))
    gone = "now" if not left else f"{left} rows are left: ask again"
    yield Line(EVENT_LOG.name, f"{rows} rows", EVENT_LOG.leaves if rows else "", gone)
    registry = places.worker.registry
    known = seen(registry, [found for found in erased if found.table == CLICKS.name])
    naming = search.in_registry(registry, *places.called(visitor))
    had = f"versions that had seen them: {', '.join(known.had) or 'none'}"
    unknown = f"; that do not say: {', '.join(known.unknown)}" if known.unknown else ""
    ids = f"the id is in {', '.join(naming)}" if naming else "no id"
    yield Line(MODELS.name, f"{ids}; {had}{unknown}", MODELS.leaves, "now" if not naming else "remove them")


def _date(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1000, UTC).isoformat(sep=" ", timespec="minutes")
