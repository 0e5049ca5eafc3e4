"""The processor of clicks: what lives longer than a chunk. A chunk's own way is `streams.pipeline.stages`."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from models.contract.decoder import Decoder
from models.contract.events import Click, Reason, Rejected
from models.contract.profile_updates import ProfileDecoder
from models.decisions.policy import Policy
from models.explanation.counterfactuals import Session
from models.features import features
from models.features.batch import Batcher
from models.registry.versions import Version
from models.serving.merchandising import Merchandiser
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.visitor import decode
from streams.effects import Effects, Reader, Work
from streams.metrics import Metrics, report
from streams.pipeline import dead_letter, explaining, scoring
from streams.pipeline.answers import PolicyTexts
from streams.pipeline.cache import PartitionCache
from streams.pipeline.config import ProcessingConfig
from streams.pipeline.deadline import Deadline
from streams.pipeline.hidden_states import Budget, rebuild
from streams.pipeline.stages import CONSENTING, ChunkRun
from streams.pipeline.visitors import key_of
from streams.privacy import sealing
from streams.privacy.sealing import Sealer
from streams.rollout.models import Models
from streams.service.portrait import Names, portrait, state

__all__ = ["Pipeline", "ProcessingConfig"]


class Pipeline:
    """Shared by all partitions of a worker; the network, the catalogue and the policy are here."""

    def __init__(
        self,
        rules: ProcessingConfig,
        decoder: Decoder,
        policy: Policy,
        models: Models,
        metrics: Metrics,
        sealer: Sealer | None = None,
    ) -> None:
        self.rules, self.decoder, self.policy, self.models, self.metrics = (
            rules,
            decoder,
            policy,
            models,
            metrics,
        )
        self.sealer = sealer
        self.profiles = ProfileDecoder(decoder.limits, decoder.pseudonyms)
        self.wording = PolicyTexts(policy)
        self.deadline = Deadline(rules.deadline_s)
        self.shop = Merchandiser(rules.shop, decoder.catalogue)
        self.memories: dict[int, PartitionCache] = {}
        self._dropped: Counter[str] = Counter()
        models.warm_up = warm_up

    def process(self, works: Sequence[Work]) -> list[Effects]:
        """Chunks of different partitions: decode, step, score together, decide, ring, write."""
        version = self.models.current
        budget = Budget(self.rules.rebuilds)
        passages = [ChunkRun(self, work, self.memories[work.partition], version, budget) for work in works]
        for passage in passages:
            passage.step()
        started = time.perf_counter()
        self._score(passages, version)
        spent = time.perf_counter() - started
        for passage in passages:
            passage.stages.append(("score", spent / len(passages)))
        return [passage.effects() for passage in passages]

    def _score(self, passages: Sequence[ChunkRun], version: Version | None) -> None:
        batchers = [passage.batchers[CONSENTING] for passage in passages]
        fetched_at = min(passage.work.fetched_at for passage in passages)
        scored = scoring.neural(batchers, version, self.deadline, fetched_at, self.shop)
        for number, passage in enumerate(passages):
            passage.score(scored[number] if scored else None)

    def keys(self, records: Sequence[Any], clicks: Sequence[Click | Rejected]) -> list[bytes]:
        """By record the key of its visitor: the record's own, or its pseudonym; of what is refused any."""
        if self.decoder.pseudonyms is None:
            return [record.key for record in records]
        return [click.visitor_id.encode() if type(click) is Click else b"" for click in clicks]

    def _name(self, visitor_id: str) -> str:
        hidden = self.decoder.pseudonyms
        return visitor_id if hidden is None else hidden.visitor(visitor_id.encode())

    def committed(self, passage: ChunkRun) -> None:
        """A chunk's transaction came to pass: now it may be seen in memory and metrics."""
        memory = passage.memory
        memory.keep(((e.key, e.visitor) for e in passage.entries.values()), self.rules.recent_visitors)
        memory.given = passage.identities.said.kept
        memory.saw(passage.tally.moved())
        memory.armed((e.visitor for e in passage.entries.values()), passage.watermark)
        visitors = [applied.click.visitor_id for applied in passage.applied]
        rows = [passage.batchers[applied.batch].row(applied.row) for applied in passage.applied]
        memory.remember(
            dict(zip(visitors, passage.answers, strict=True)), dict(zip(visitors, rows, strict=True))
        )
        for key in passage.forgotten:
            memory.forget(key)
            self.models.shadow.forget(key)
        passage.sealing.committed(passage)
        report(self.metrics, passage)
        self.metrics.rebuilt.inc(rebuild(passage, self.rules.recent_visitors))
        self.metrics.outdated.set(sum(len(memory.outdated) for memory in self.memories.values()))
        self._count_dropped()
        if not passage.forgotten:
            self.models.shadow.look(passage)

    def reject(self, work: Work, error: Exception) -> Effects:
        """A record that cannot be processed, for a reason nobody thought of, must not block its partition."""
        # An error may quote an id.
        said = "" if self.decoder.pseudonyms is not None else f": {error}"
        message = f"{type(error).__name__}{said}; an error of Pathcast's own, please report it"
        names = self.rules.names
        ((topic, (record,)),) = [(names.clicks, work.records)] if work.records else work.sides.items()
        letter = dead_letter.letter(record, topic, work.partition, Reason.INVALID, message)
        self.metrics.dead_letters.labels(Reason.INVALID.value).inc()
        return Effects({names.dead_letters: [letter]}, watermark=work.watermark)

    def opened(self, partition: int, state: Reader) -> None:
        """Derive what is kept in memory from the recovered state. Raises WrongMaster."""
        self.memories[partition] = memory = PartitionCache.of(state)
        memory.keyed = sealing.keyed(self.sealer, state)

    def closed(self, partition: int) -> None:
        """Forget the partition."""
        self.memories.pop(partition, None)

    def _count_dropped(self) -> None:
        """Bring the decoder's counts of unreadable fields into the metrics."""
        for name, count in self.decoder.dropped.items():
            if count > self._dropped[name]:
                self.metrics.dropped.labels(name).inc(count - self._dropped[name])
                self._dropped[name] = count

    def look_up(self, visitor_id: str) -> dict[str, Any] | None:
        """Profile, state and last answers of a visitor (by id) of an owned partition; None: there is none."""
        visitor_id = self._name(visitor_id)
        for partition, memory in list(self.memories.items()):
            value = memory.state.get([key_of(visitor_id.encode())])[0]
            if value is not None:
                answers = [(answer or b"").decode() for _, answer, _ in memory.answers.get(visitor_id, ())]
                visitor = decode(value)
                names = Names(visitor, self.decoder.catalogue, self.models.current)
                told = {"profile": portrait(visitor, names), "state": state(visitor, names)}
                return {"partition": partition, **told, "answers": answers}
        return None

    def explain(self, visitor_id: str) -> dict[str, Any] | None:
        """What moved the answers to a visitor's latest click, None where none is remembered."""
        visitor_id = self._name(visitor_id)
        for memory in list(self.memories.values()):
            value = memory.state.get([key_of(visitor_id.encode())])[0]
            answers = memory.answers.get(visitor_id)
            if value is not None and answers is not None:
                visitor, row = decode(value), memory.rows[visitor_id]
                session = Session(visitor.session_codes(), row, visitor.in_session)
                return explaining.looked_up(answers, session, self.models.current, self.policy)
        return None


def warm_up(version: Version) -> None:
    """Score a made-up click with every rung of a version."""
    batcher = Batcher()
    slot = batcher.visitor(None)
    click = Click(event_id="warm-up", visitor_id="warm-up", ts=1_700_000_000_000, event="view_item")
    visitor, facts = step(None, click, click.ts, SessionConfig())
    batcher.click(slot, facts.code, facts.position, features.row(visitor, click, facts))
    batch = batcher.build()
    version.neural.score(batch)
    version.neighbours.score(batch)
