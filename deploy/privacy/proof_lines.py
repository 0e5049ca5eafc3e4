"""The lines of a proof of erasure: what was found in a store, what was done, and when nothing is left."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from deploy.cluster.state import changelog_of
from deploy.privacy import search
from deploy.privacy.copy_confirmations import Confirmed, strike_command
from deploy.privacy.expiry import retention_of
from deploy.privacy.search_scope import SearchScope
from deploy.privacy.stores import CHANGELOG, COPIES, EVENT_LOG, KEYS, MODELS, STATE, TOPICS
from deploy.privacy.visitor_keys import KeyRecords
from models.durations import HOUR_MS
from models.privacy.erasure import Erasure
from trainer.eventlog.log_erasure import Erased
from trainer.eventlog.log_tables import CLICKS
from trainer.promotion.trained_on_erased import trained_on_erased

_MARKS = "only requests and deletion marks name the visitor: by retention"


class ProofLine(NamedTuple):
    """One store: what was found there, what was done, and when nothing of it is left."""

    store: str
    found: str
    done: str
    gone: str


def of_state(
    scope: SearchScope, receipts: list[Erasure], copies: Confirmed, before: int
) -> Iterator[ProofLine]:
    """Owners, copies, changelog; `before` values of the changelog are the visitor's."""
    had = [str(receipt.partition) for receipt in receipts if receipt.found]
    at = max(receipt.at for receipt in receipts)
    found = f"a record in partition {', '.join(had)}" if had else "no record"
    yield ProofLine(STATE.name, found, STATE.leaves, date(at))
    yield from _copy_lines(copies, at + int(scope.worker.revoked_state_hours * HOUR_MS))
    changelog = changelog_of(scope.worker.application_id)
    keeps = retention_of(scope.to, [changelog])[changelog]
    gone = keeps.compacted(at)
    told = date(gone) if gone else "no date: set max.compaction.lag.ms of the topic"
    yield ProofLine(f"{CHANGELOG.name} {changelog}", f"{before} values", CHANGELOG.leaves, told)


def _copy_lines(copies: Confirmed, by: int) -> Iterator[ProofLine]:
    every, missing, _ = copies
    clean = f"{len(every) - len(missing)} of {len(every)} copies left confirm that they are clean"
    told = "now" if not missing else "where listed below"
    yield ProofLine(COPIES.name, clean, COPIES.leaves, told)
    for copy in missing:
        away = "" if copies.runs(copy.worker) else ": its worker does not run"
        yield ProofLine(
            f"files of partition {copy.partition} at {copy.place}",
            f"not confirmed{away}",
            "its worker deletes or rewrites them, so start it; if the folder was deleted: "
            f"{strike_command(copy.worker)}",
            f"{date(by)} where its worker runs; else delete the folder",
        )


def of_keys(scope: SearchScope, held: KeyRecords | None, at: int) -> tuple[str, list[ProofLine]]:
    """From when the deleted keys are unavailable, and the line of their topic; `held` None: no topic."""
    if held is None:
        return "now", []
    topics = [changelog_of(scope.worker.application_id), scope.names.visitor_keys]
    found = retention_of(scope.to, topics)
    gone = [found[topic].compacted(at) for topic in topics]
    dates = [date(one) if one else "no date: set max.compaction.lag.ms of the topic" for one in gone]
    left = KEYS.leaves if held else ""
    return max(dates), [ProofLine(f"{KEYS.name} {topics[1]}", f"{len(held)} keys", left, dates[1])]


def of_topics(scope: SearchScope, visitor: str, keys_gone: str) -> Iterator[ProofLine]:
    """Topics with records of the visitor, and when each will have dropped the last one."""
    found = search.in_topics(scope.to, scope.topics, *scope.called(visitor), marked=scope.marked)
    keeps = retention_of(scope.to, scope.topics)
    for topic, (records, newest, sealed, marks) in found.items():
        there = records or marks
        gone = keeps[topic].expires(newest) if there else None
        told = date(gone) if gone else "never: set retention.ms of the topic" if there else "now"
        unread = f"; {sealed} of them cannot be read: their key is deleted, its copies go: {keys_gone}"
        leaves = TOPICS.leaves if records else _MARKS if marks else ""
        yield ProofLine(f"topic {topic}", f"{records} records", leaves + (unread if sealed else ""), told)


def of_log(scope: SearchScope, visitor: str, erased: list[Erased]) -> Iterator[ProofLine]:
    """The event log, and the models that were trained on it."""
    rows = sum(found.rows for found in erased)
    left = search.in_event_log(scope.log, *scope.called(visitor))
    gone = "now" if not left else f"{left} rows are left: ask again"
    yield ProofLine(EVENT_LOG.name, f"{rows} rows", EVENT_LOG.leaves if rows else "", gone)
    registry = scope.worker.registry
    known = trained_on_erased(registry, [found for found in erased if found.table == CLICKS.name])
    naming = search.in_registry(registry, *scope.called(visitor))
    had = f"versions that had seen them: {', '.join(known.had) or 'none'}"
    unknown = f"; that do not say: {', '.join(known.unknown)}" if known.unknown else ""
    ids = f"the id is in {', '.join(naming)}" if naming else "no id"
    yield ProofLine(
        MODELS.name, f"{ids}; {had}{unknown}", MODELS.leaves, "now" if not naming else "remove them"
    )


def date(moment: int) -> str:
    """A time (epoch ms) as text: `2026-11-30 08:05 UTC`."""
    return f"{datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%d %H:%M} UTC"
