"""The processor of clicks: composes the stages of a chunk and owns what outlives a chunk."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from models.contract.decoder import Decoder
from models.contract.profile_updates import ProfileDecoder
from models.decisions.policy import Policy
from models.serving.merchandising import Merchandiser
from streams.config.processing_config import ProcessingConfig
from streams.effects import Effects, Reader, Work
from streams.metrics import Metrics
from streams.partition_state.cache import PartitionCache
from streams.pipeline import committing, deciding, due_timers, encoding, reading, scoring, stepping, writing
from streams.pipeline.answers import PolicyTexts
from streams.pipeline.chunk import Chunk, RebuildBudget, Versions
from streams.pipeline.deadline import Deadline
from streams.privacy import sealing
from streams.privacy.sealing import Sealer


class Pipeline:
    """One per worker, shared by its partitions; owns decoder, policy, and the partitions' caches."""

    def __init__(
        self,
        config: ProcessingConfig,
        decoder: Decoder,
        policy: Policy,
        versions: Versions,
        metrics: Metrics,
        sealer: Sealer | None = None,
    ) -> None:
        self.config, self.decoder, self.policy, self.metrics = config, decoder, policy, metrics
        self.caches: dict[int, PartitionCache] = {}
        self._versions, self._sealer = versions, sealer
        self._profiles = ProfileDecoder(decoder.limits, decoder.pseudonyms)
        self._texts, self._vectors = PolicyTexts(policy), deciding.ContextVectors(policy)
        self._deadline = Deadline(config.settings.deadline_ms / 1000)
        self._shop = Merchandiser(config.shop, decoder.catalogue)
        self._dropped: Counter[str] = Counter()

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
        return [self._effects(chunk) for chunk in chunks]

    def _step(self, chunk: Chunk) -> None:
        """Decode, read and step: the stages before scoring."""
        pseudonymiser = self.decoder.pseudonyms
        with _timed(chunk, "decode"):
            clicks = reading.decode(chunk, self.decoder, self._profiles)
        with _timed(chunk, "read"):
            reading.read(chunk, clicks, pseudonymiser, self.config)
        with _timed(chunk, "step"):
            stepping.step_all(chunk, clicks, pseudonymiser, self.config)

    def _effects(self, chunk: Chunk) -> Effects:
        """The effects of a scored chunk: decide, encode, fire timers, write."""
        config = self.config
        with _timed(chunk, "decide"):
            deciding.decide_all(chunk, self.policy, self._vectors, config.session)
        with _timed(chunk, "encode"):
            encoding.encode_all(chunk, self._texts, self.decoder.catalogue, config)
        with _timed(chunk, "write"):
            due_timers.fire(chunk, config.session)
            committed = partial(self._committed, chunk)
            return writing.effects(chunk, config.names.visitor_keys, committed)

    def _committed(self, chunk: Chunk) -> None:
        """The chunk's transaction was committed: update memory and metrics."""
        committing.commit(chunk, self.metrics, self.policy.actions, self.config.recent_visitors)
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
        """Bring the decoder's counts of unreadable fields into the metrics."""
        for name, count in self.decoder.dropped.items():
            if count > self._dropped[name]:
                self.metrics.dropped.labels(name).inc(count - self._dropped[name])
                self._dropped[name] = count


@contextmanager
def _timed(chunk: Chunk, stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    chunk.timings.append((stage, time.perf_counter() - started))
