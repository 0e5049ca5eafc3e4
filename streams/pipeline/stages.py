"""One chunk's way from records to effects: decode, read, step, score, decide, encode, ring, write."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from models.contract.events import Click, Reason, Rejected
from models.decisions import policy
from models.features import features
from models.features.batch import Batcher
from models.privacy import erasure
from models.privacy.erasure import Erasure, request_of, user_request_of
from models.registry.versions import Version
from models.sessions.lifecycle import BEGIN_CHECKOUT, PURCHASE
from models.sessions.session import step
from models.state.facts import Facts, Fate, Transition
from streams.config.topics import ANSWERS
from streams.effects import NO_HEADERS, Effects, Message, Work
from streams.identity.identities import Identities, user_of
from streams.pipeline import due_timers, explaining, hidden_states, scoring, visitors
from streams.pipeline.answers import AnswerEncoder, Applied, Decided
from streams.pipeline.cache import PartitionCache
from streams.pipeline.dead_letter import letter
from streams.pipeline.deciding import Decider
from streams.pipeline.hidden_states import Budget
from streams.pipeline.pane_updates import PaneUpdates
from streams.pipeline.scoring import NOTHING, Scored
from streams.pipeline.visitors import VisitorEntry
from streams.privacy.erasing import StateNames
from streams.privacy.sealing import Sealing
from streams.storage.partition_store import ERASED_KEY
from streams.transport.routing import home

if TYPE_CHECKING:
    from streams.pipeline.processor import Pipeline

#: A chunk's batches: who consents is scored by the network, or by a lower rung while the hidden state waits
#: to be made again; the others get the popular rung.
CONSENTING, REFUSING, WAITING = 0, 1, 2
#: ... and of who has no click in the chunk, nothing is scored.
ASIDE = -1


class ChunkRun:
    """Holds what one chunk has come to so far; nothing outside changes before its effects are committed."""

    def __init__(
        self,
        pipeline: "Pipeline",
        work: Work,
        memory: PartitionCache,
        version: Version | None,
        budget: Budget,
    ) -> None:
        self.pipeline, self.work, self.memory, self.rules = pipeline, work, memory, pipeline.rules
        self.version, self.budget = version, budget
        self.waiting: set[bytes] = set()
        self.rebuilt = 0
        self.watermark = max(work.watermark, work.idle_to)
        self.entries: dict[bytes, VisitorEntry] = {}
        self.identities = Identities(work, self.rules, memory.given)
        self.batchers = (Batcher(), Batcher(), Batcher())
        self.applied: list[Applied] = []
        self.decided: list[Decided] = []
        self.scored: tuple[Scored, Scored, Scored] = (NOTHING, NOTHING, NOTHING)
        self.answers: list[tuple[Message, ...]] = []
        self.sealing = Sealing(pipeline.sealer)
        self.outputs: dict[str, list[Message]] = {}
        self.letters: list[Message] = []
        #: By record: the key of its visitor, as the state and the answers have it.
        self.keys: list[bytes] = []
        self.forgotten: set[bytes] = set()
        self.erasures: list[Erasure] = []
        self.reasons: Counter[Reason] = Counter()
        self.transitions: Counter[str] = Counter()
        self.tally = PaneUpdates(self.rules.panes)
        self.explained: Counter[str] = Counter()
        self.duplicates = self.misrouted = 0
        self.stages: list[tuple[str, float]] = []

    def step(self) -> None:
        """All clicks through their sessions; then they can be scored."""
        with self._stage("decode"):
            clicks = self.pipeline.decoder.decode(self.work.records)
            self.identities.decode(self.pipeline.profiles, self._refuse)
        with self._stage("read"):
            self._read(clicks)
        with self._stage("step"):
            self._step_all(clicks)

    def effects(self) -> Effects:
        """What the scored chunk comes to."""
        with self._stage("decide"):
            self._decide_all()
        with self._stage("encode"):
            self._encode()
        with self._stage("write"):
            state = self._changes()
        erased = bool(self.erasures)
        routed = self.identities.outbox.routed()
        committed = partial(self.pipeline.committed, self)
        return Effects(self.outputs, state, self.watermark, committed, erased, routed)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.stages.append((name, time.perf_counter() - started))

    def _read(self, clicks: list[Click | Rejected]) -> None:
        self.keys = self.pipeline.keys(self.work.records, clicks)
        first: dict[bytes, Click] = {}
        for record, click, key in zip(self.work.records, clicks, self.keys, strict=True):
            if type(click) is Click:
                first.setdefault(visitors.key_of(key), click)
            elif record.value is None:
                self.identities.expect(record)
                if request_of(record) is not None:
                    self.forgotten.update(self._names_of(record).keys)
        self._read_entries(first)
        outdated = hidden_states.outdated(self.entries, first, self.version, self.rules.session.gap_ms)
        self.waiting = hidden_states.over_budget(outdated, self.budget)
        self.rebuilt = len(outdated) - len(self.waiting)
        for entry in (self.entries[key] for key in first):
            entry.batch = WAITING if entry.key in self.waiting else CONSENTING
            entry.slot = self.batchers[entry.batch].visitor(entry.visitor)
        self._count_misrouted(clicks)

    def _read_entries(self, first: Mapping[bytes, Click]) -> None:
        """Visitors of the chunk; what came from elsewhere is applied to them before its clicks."""
        further = [*self.forgotten, *self.identities.wanted()]
        wanted = first if not further else dict.fromkeys([*first, *further])
        self.entries = visitors.read(self.work.state, wanted, self.memory.recent)
        for key in further:
            self.entries[key].batch = ASIDE
        self.identities.read(self.entries)
        self.identities.apply(self.entries)
        for request in self.identities.dropped:
            self._receipt(request, True, answer=True)

    def _names_of(self, record: Any) -> StateNames:
        return StateNames.of(record, self.pipeline.decoder.pseudonyms)

    def _count_misrouted(self, clicks: list[Click | Rejected]) -> None:
        partitions, own = self.rules.partitions, self.work.partition
        pairs = zip(self.work.records, clicks, strict=True)
        strangers = (type(click) is Click and home(record.key, partitions) != own for record, click in pairs)
        self.misrouted = sum(strangers)

    def _step_all(self, clicks: list[Click | Rejected]) -> None:
        for record, click, key in zip(self.work.records, clicks, self.keys, strict=True):
            if not isinstance(click, Rejected):
                self._step(record, click, key)
            elif (request := request_of(record)) is not None:
                self._forget(self._names_of(record), request)
            elif (request := user_request_of(record)) is not None:
                self._forget_user(user_of(record), request)
            else:
                self._refuse(record, self.rules.names.clicks, click.reason, click.message)

    def _forget(self, names: StateNames, request: str) -> None:
        """Erase a visitor, under whichever name."""
        found = [key for key in names.keys if self.entries[key].visitor is not None]
        told = sum(self._drop(key, request) for key in names.keys)
        self._receipt(request, bool(found), told=told, opened=names.opened)

    def _forget_user(self, user_id: str, request: str) -> None:
        """Erase a user's record, where it is here, and the visitors linked to them that are here."""
        known, linked = self.identities.forget_user(user_id, self.entries)
        self.forgotten.update(linked)
        told = sum(self._drop(key, request) for key in linked)
        self._receipt(request, known or bool(linked), visitors=len(linked), told=told)

    def _drop(self, key: bytes, request: str) -> int:
        """From here on the visitor is unknown; earlier clicks of the chunk keep the entry that they had."""
        entry = self.entries[key]
        told = self.identities.forget(key, entry.visitor, request)
        slot = self.batchers[CONSENTING].visitor(None)
        self.entries[key] = VisitorEntry(key, None, entry.timer, entry.known, slot, user=entry.user)
        return told

    def _receipt(self, request: str, found: bool, **said: Any) -> None:
        hidden = self.pipeline.decoder.pseudonyms
        self.erasures.append(
            Erasure(
                request=request,
                partition=self.work.partition,
                found=found,
                at=int(time.time() * 1000),
                pseudonyms=hidden.fingerprint if hidden else "",
                **said,
            )
        )

    def _step(self, record: Any, click: Click, key: bytes) -> None:
        if click.ts > self.watermark:
            self.watermark = click.ts
        entry = self.entries[visitors.key_of(key)]
        entry.visitor, facts = step(entry.visitor, click, self.watermark, self.rules.session)
        if facts.transitions:
            self.count(facts.transitions)
            self.identities.tell(entry.key, facts.transitions)
        if facts.fate is Fate.APPLIED:
            self._apply(key, click, entry, facts)
        elif facts.fate is Fate.DUPLICATE:
            self.duplicates += 1
        else:
            self._refuse(record, self.rules.names.clicks, Reason.LATE, _late(click, facts))

    def _apply(self, key: bytes, click: Click, entry: VisitorEntry, facts: Facts) -> None:
        visitor = entry.visitor
        assert visitor is not None
        if facts.fresh:
            self.identities.began(entry.key, visitor, facts)
        number = entry.batch if facts.consent else REFUSING
        batcher = self.batchers[number]
        slot = entry.slot if facts.consent else batcher.visitor(None)
        index = batcher.click(slot, facts.code, facts.position, features.row(visitor, click, facts))
        counts = visitor.counts
        stage = policy.stage_of(visitor.cart_items, counts[BEGIN_CHECKOUT], counts[PURCHASE])
        place = (number, index, stage, visitor.cart_value, visitor.sessions)
        self.applied.append(Applied(key, click, facts, entry, self.watermark, *place))
        self.tally.collector.add(click, facts)

    def count(self, transitions: Sequence[Transition]) -> None:
        """Count what event time did to a visitor."""
        for transition in transitions:
            self.tally.collector.transition(transition)
            self.transitions[type(transition).__name__] += 1

    def _refuse(self, record: Any, topic: str, reason: Reason, message: str) -> None:
        self.letters.append(letter(record, topic, self.work.partition, reason, message))
        self.reasons[reason] += 1

    def score(self, answers: Scored | None) -> None:
        """Take the network's answers, or find others where it gave none."""
        self.memory.follow(self.version)
        consenting, refusing, waiting = self.batchers
        answers = self._fallback(consenting) if answers is None else answers
        shop = self.pipeline.shop
        popular = scoring.popular(refusing.build(), self.memory, shop) if len(refusing) else NOTHING
        self.scored = answers, popular, self._fallback(waiting) if len(waiting) else NOTHING
        self._remember(answers.hidden)

    def _fallback(self, batcher: Batcher) -> Scored:
        deadline, fetched_at, shop = self.pipeline.deadline, self.work.fetched_at, self.pipeline.shop
        return scoring.fallback(batcher.build(), self.version, self.memory, deadline, fetched_at, shop)

    def _remember(self, hidden: list[bytes]) -> None:
        if hidden and self.version is not None:
            for entry in self.entries.values():
                if entry.visitor is not None and entry.batch == CONSENTING:
                    entry.visitor.remember(hidden[entry.slot], self.version.id64)

    def _decide_all(self) -> None:
        decider = Decider(self.pipeline.policy, self.rules.session, self.count)
        scored = self.scored
        self.decided = [
            decider.decide(applied, answers.purchase[applied.row], answers.risks[applied.row])
            for applied, answers in ((applied, scored[applied.batch]) for applied in self.applied)
        ]

    def _encode(self) -> None:
        pipeline, names = self.pipeline, self.rules.names
        scribe = AnswerEncoder(
            pipeline.wording,
            self.version.id if self.version else "",
            pipeline.decoder.catalogue.version,
            int(time.time() * 1000),
        )
        for applied, decided in zip(self.applied, self.decided, strict=True):
            scored, row = self.scored[applied.batch], applied.row
            listed, told = scored.items[row], scored.forecasts[row]
            self.answers.append(scribe.answers(applied, decided, scored.rungs[row], listed, told))
        explaining.explain_asked(self)
        if self.answers:
            topics, answers = [getattr(names, role) for role in ANSWERS], self.sealing.sealed(self)
            self.outputs = dict(zip(topics, map(list, zip(*answers, strict=True)), strict=True))
        if self.letters:
            self.outputs[names.dead_letters] = self.letters
        if self.erasures:
            self.outputs[names.erasures] = [
                (one.request.encode(), erasure.encode(one), NO_HEADERS) for one in self.erasures
            ]

    def _changes(self) -> list[tuple[bytes, bytes | None]]:
        """All that the chunk writes: visitors, timers, keys, panes."""
        due_timers.ring(self)
        changes = [change for entry in self.entries.values() for change in entry.changes()]
        changes += self.sealing.changes(self)
        changes += self.identities.changes()
        if self.erasures:
            changes.append((ERASED_KEY, b"%d" % self.erasures[-1].at))
        return changes + self.tally.changes(self.work, self.watermark)


def _late(click: Click, facts: Facts) -> str:
    return (
        f"ts is {click.ts}, {facts.late_ms / 1000:.0f} s before the visitor's last click; expected less than "
        "the allowed lateness: send events in order, or raise PATHCAST_ALLOWED_LATENESS_MINUTES"
    )
