"""After the transaction: update the partition's cache and the metrics with the committed chunk."""

from models.decisions.actions import ActionSet
from streams.metrics import Metrics
from streams.pipeline.chunk import Chunk
from streams.pipeline.hidden_states import rebuild
from streams.pipeline.reporting import report


def commit(chunk: Chunk, metrics: Metrics, actions: ActionSet, kept: int) -> None:
    """Update cache and metrics; spend the rest of the pass's budget on rebuilding hidden states."""
    _remember(chunk, kept)
    report(metrics, chunk, actions)
    metrics.hidden_rebuilt.inc(rebuild(chunk.cache, chunk.version, chunk.waiting, chunk.budget, kept))


def _remember(chunk: Chunk, kept: int) -> None:
    """Apply a committed chunk to its partition's cache, which keeps at most `kept` visitors."""
    cache = chunk.cache
    cache.keep(((entry.key, entry.visitor) for entry in chunk.entries.values()), kept)
    cache.given = chunk.identities.given_profiles.kept
    cache.note_panes(chunk.panes.moved())
    cache.follow_timers((entry.visitor for entry in chunk.entries.values()), chunk.watermark)
    visitors = [applied.click.visitor_id for applied in chunk.applied]
    rows = [chunk.batchers[applied.batch].row(applied.row) for applied in chunk.applied]
    cache.remember(dict(zip(visitors, chunk.answers, strict=True)), dict(zip(visitors, rows, strict=True)))
    for key in chunk.forgotten:
        cache.forget(key)
    chunk.sealing.committed(chunk.entries, kept)
