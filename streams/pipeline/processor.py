"""The processor of clicks: composes the stages of a chunk and owns what outlives a chunk."""

import time
from collections import Counter
from collections.abc import Sequence
from functools import partial

from models.contract.decoder import Decoder
from models.contract.profile_updates import ProfileDecoder
from models.serving.merchandising import Merchandiser
from streams.config.processing_config import ProcessingConfig
from streams.constraints.grants import Grants
from streams.constraints.partition_budgets import ChunkBudgets
from streams.effects import Effects, Reader, Work
from streams.metrics import Metrics
from streams.partition_state.cache import PartitionCache
from streams.pipeline import committing, due_timers, encoding, reading, scoring, stepping, writing
from streams.pipeline.chunk import Chunk, RebuildBudget, Versions
from streams.pipeline.deadline import Deadline
from streams.pipeline.served_policy import PoliciesInUse, ServedPolicy, decide_each
from streams.privacy import sealing
from streams.privacy.sealing import Sealer


class Pipeline:
    """One per worker, shared by its partitions; owns the decoder and the partitions' caches."""

    def __init__(
        self,
        config: ProcessingConfig,
        decoder: Decoder,
        policies: PoliciesInUse,
        versions: Versions,
        metrics: Metrics,
        sealer: Sealer | None = None,
    ) -> None:
        self.config, self.decoder, self.policies, self.metrics = config, decoder, policies, metrics
        self.caches: dict[int, PartitionCache] = {}
        self._versions, self._sealer, self.grants = versions, sealer, Grants()
        self._profiles = ProfileDecoder(decoder.limits, decoder.pseudonyms, decoder.wire)
        self._deadline = Deadline(config.settings.deadline_ms / 1000)
        self._shop = Merchandiser(config.shop, decoder.catalogue)
        self._dropped, self._clipped = Counter[str](), Counter[str]()

    def process(self, works: Sequence[Work]) -> list[Effects]:
        """Run chunks of different partitions through the stages; they are scored together."""
        version, budget = self._versions.current, RebuildBudget(self.config.settings.rebuilds_per_chunk)
        chunks = [
            Chunk.begin(work, self.caches[work.partition], version, budget, self.config, self._sealer)
            for work in works
        ]
        for chunk in chunks:
            self._step(chunk)
        started = time.perf_counter()
        scoring.score_all(chunks, version, self._deadline, self._shop)
        spent = (time.perf_counter() - started) / len(chunks)
        for chunk in chunks:
            chunk.timings.append(("score", spent))
        places = self.policies.every(version)
        return [self._effects(chunk, places) for chunk in chunks]

    def _step(self, chunk: Chunk) -> None:
        """Decode, read and step: the stages before scoring."""
        pseudonymiser = self.decoder.pseudonyms
        with _Timed(chunk, "decode"):
            clicks = reading.decode(chunk, self.decoder, self._profiles)
        with _Timed(chunk, "read"):
            reading.read(chunk, clicks, pseudonymiser, self.config)
        with _Timed(chunk, "step"):
            stepping.step_all(chunk, clicks, pseudonymiser, self.config)

    def _effects(self, chunk: Chunk, places: Sequence[ServedPolicy]) -> Effects:
        """The effects of a scored chunk: decide, encode, fire timers, write."""
        config, served = self.config, [one for place in places for one in place.each]
        with _Timed(chunk, "decide"):
            chunk.budgets = self._budgets(chunk, served)
            decide_each(chunk, places, config.session)
        with _Timed(chunk, "encode"):
            encoding.encode_all(chunk, served, self.decoder.catalogue, config)
        with _Timed(chunk, "write"):
            due_timers.fire(chunk, config.session)
            encoding.encode_feedback(chunk, served, config)
            effects = writing.effects(chunk, config.names)
        effects.applied = partial(committing.apply, chunk, self.metrics, config.recent_visitors)
        effects.committed = partial(self._committed, chunk, served)
        return effects

    def _budgets(self, chunk: Chunk, served: Sequence[ServedPolicy]) -> ChunkBudgets | None:
        """What the chunk may spend; None where the actions have no budget and no grant is new."""
        before, grants = chunk.cache.budgets, self.grants.of(chunk.work.partition)
        used = any(one.policy.actions.limits.charges for one in served)
        if not used and before.grants is grants:
            return None
        return ChunkBudgets(chunk.work.partition, before, grants, chunk.work.watermark, used)

    def _committed(self, chunk: Chunk, served: Sequence[ServedPolicy]) -> None:
        """The chunk's transaction was committed: update look-ups, metrics and observers."""
        committing.commit(chunk, self.metrics, [one.policy for one in served])
        self.metrics.hidden_outdated.set(sum(len(cache.outdated) for cache in self.caches.values()))
        self._count_dropped()
        self._versions.follow_chunk(chunk)

    def reject(self, work: Work, error: Exception) -> Effects:
        """Effects of a record on which `process` failed: a dead letter, so that the partition goes on."""
        self.metrics.dead_letters.labels(writing.REJECTED.value).inc()
        # With pseudonyms the error's text is left out: it may quote an id.
        return writing.rejected(work, error, self.config.names, quoted=self.decoder.pseudonyms is None)

    def opened(self, partition: int, state: Reader) -> None:
        """Build a partition's cache from the recovered state. Raises WrongMaster."""
        self.caches[partition] = cache = PartitionCache.of(state)
        cache.keyed = sealing.keyed(self._sealer, state)

    def closed(self, partition: int) -> None:
        """Drop a partition's cache."""
        self.caches.pop(partition, None)

    def _count_dropped(self) -> None:
        """Bring the decoder's counts of unreadable, absent and clipped fields into the metrics."""
        dropped, absent = self.decoder.dropped, self.decoder.absent
        for name in dropped.keys() | absent.keys():
            count = dropped.get(name, 0) + absent.get(name, 0)
            if count > self._dropped[name]:
                self.metrics.dropped.labels(name).inc(count - self._dropped[name])
                self._dropped[name] = count
        for name, count in self.decoder.clipped.items():
            self.metrics.of(self.metrics.clipped, name).inc(count - self._clipped[name])
            self._clipped[name] = count


class _Timed:
    """Adds the seconds that a stage takes to its chunk's timings; a third of the cost of a generator."""

    __slots__ = ("_chunk", "_stage", "_started")

    def __init__(self, chunk: Chunk, stage: str) -> None:
        self._chunk, self._stage = chunk, stage

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._chunk.timings.append((self._stage, time.perf_counter() - self._started))
