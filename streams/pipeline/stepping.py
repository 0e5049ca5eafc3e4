"""Stage step: apply clicks to their visitors' sessions and erasure requests, in record order."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models.contract.decoder import arrival
from models.contract.events import BY_ARRIVAL, Click, Reason, Rejected
from models.contract.pseudonyms import Pseudonyms
from models.contract.times import zone_advice, zone_of_skew
from models.decisions.decision import stage_of
from models.features import features
from models.privacy.erasure import request_of, user_request_of
from models.sessions.lifecycle import BEGIN_CHECKOUT, PURCHASE
from models.sessions.session import step
from models.state.codes import CLOCK
from models.state.facts import ClickStatus, Facts
from streams.config.processing_config import ProcessingConfig
from streams.identity.identities import user_of
from streams.partition_state import visitors
from streams.partition_state.visitors import VisitorEntry
from streams.pipeline.chunk import CONSENTING, REFUSING, Applied, Chunk
from streams.pipeline.reading import Clicks, receipts
from streams.privacy.erasing import StateNames


def step_all(
    chunk: Chunk, clicks: Clicks, pseudonymiser: Pseudonyms | None, config: ProcessingConfig
) -> None:
    """Step the clicks, erase visitors on request, refuse all other records."""
    one = _Stepping(chunk, pseudonymiser, config)
    for record, click, key in zip(chunk.work.records, clicks, chunk.keys, strict=True):
        if type(click) is Click:
            one.step(record, click, key)
        elif (request := request_of(record)) is not None:
            one.forget(StateNames.of(record, pseudonymiser), request)
        elif (request := user_request_of(record)) is not None:
            one.forget_user(user_of(record), request)
        else:
            assert isinstance(click, Rejected)
            chunk.refuse(record, config.names.clicks, click.reason, click.message)
    chunk.panes.collector.add([(applied.click, applied.facts) for applied in chunk.applied])


@dataclass(slots=True)
class _Stepping:
    chunk: Chunk
    pseudonymiser: Pseudonyms | None
    config: ProcessingConfig

    def step(self, record: Any, click: Click, key: bytes) -> None:
        chunk = self.chunk
        if click.ts > chunk.watermark:
            chunk.watermark = click.ts
        entry = chunk.entries[visitors.key_of(key)]
        entry.visitor, facts = step(
            entry.visitor, click, chunk.watermark, self.config.session, arrival(record)
        )
        if facts.transitions:
            chunk.count(facts.transitions)
            chunk.identities.tell(entry.key, facts.transitions)
        if facts.status is ClickStatus.APPLIED:
            _apply(chunk, key, click, entry, facts)
        elif facts.status is ClickStatus.DUPLICATE:
            chunk.duplicates += 1
        else:
            chunk.refuse(record, self.config.names.clicks, Reason.LATE, _late(click, facts, arrival(record)))

    def forget(self, names: StateNames, request: str) -> None:
        """Erase a visitor, found by pseudonym or id."""
        found = [key for key in names.keys if self.chunk.entries[key].visitor is not None]
        told = sum(self._drop(key, request) for key in names.keys)
        self._receipt(request, bool(found), told=told, opened=names.opened)

    def forget_user(self, user_id: str, request: str) -> None:
        """Erase a user's record and linked visitors, as far as this partition owns them."""
        known, linked = self.chunk.identities.forget_user(user_id, self.chunk.entries)
        self.chunk.linked.update(linked)
        told = sum(self._drop(key, request) for key in linked)
        self._receipt(request, known or bool(linked), visitors=len(linked), told=told)

    def _drop(self, key: bytes, request: str) -> int:
        """Replace the visitor's entry by an empty one; earlier clicks of the chunk keep the old entry."""
        entry = self.chunk.entries[key]
        self.chunk.joins.dropped.append(entry)
        told = self.chunk.identities.forget(key, entry.visitor, request)
        slot = self.chunk.batchers[CONSENTING].visitor(None)
        self.chunk.entries[key] = VisitorEntry(key, None, entry.timer, entry.known, slot, user=entry.user)
        return told

    def _receipt(self, request: str, found: bool, **said: Any) -> None:
        made = receipts(self.chunk.work.partition, self.pseudonymiser)
        self.chunk.erasures.append(made(request, found, **said))


def _apply(chunk: Chunk, key: bytes, click: Click, entry: VisitorEntry, facts: Facts) -> None:
    visitor = entry.visitor
    assert visitor is not None
    if facts.flags & CLOCK:
        click.flags |= BY_ARRIVAL["ts"]
        chunk.by_arrival += 1
    if facts.repeated:
        click.event = "page_view"
        chunk.repeated_orders += 1
    if facts.fresh:
        chunk.identities.began(entry.key, visitor, facts)
    chunk.analytics.collector.click(click, facts, visitor)
    number = entry.batch if facts.consent else REFUSING
    batcher = chunk.batchers[number]
    slot = entry.slot if facts.consent else batcher.visitor(None)
    index = batcher.click(
        slot, facts.code, facts.position, features.row(visitor, click, facts), visitor.bought
    )
    counts = visitor.counts
    stage = stage_of(visitor.cart_items, counts[BEGIN_CHECKOUT], counts[PURCHASE])
    place = (number, index, stage, visitor.cart_value, visitor.sessions)
    chunk.applied.append(Applied(key, click, facts, entry, chunk.watermark, *place))


def _late(click: Click, facts: Facts, arrived: int) -> str:
    when = f"{datetime.fromtimestamp(click.ts / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    said = f"ts is {click.ts} ({when}), {facts.late_ms / 1000:.0f} s before the visitor's last click"
    zone = zone_of_skew(click.ts - arrived) if arrived >= 0 else None
    if zone is not None:
        return f"{said}: {zone_advice(zone)}"
    return (
        f"{said}; expected at most the allowed lateness: send events in order, or raise "
        "PATHCAST_ALLOWED_LATENESS_MINUTES (PATHCAST_CLOCK_TOLERANCE_MINUTES where clocks disagree)"
    )
