"""After the stages: update the partition's cache with a chunk, and once it is committed, what is reported."""

from collections.abc import Sequence

from models.decisions.policy import Policy
from models.state import state_keys
from streams.metrics import Metrics
from streams.partition_state.latest_answers import AnsweredChunk
from streams.pipeline.chunk import Chunk
from streams.pipeline.hidden_states import rebuild
from streams.pipeline.reporting import report


def apply(chunk: Chunk, metrics: Metrics, kept: int) -> None:
    """Let the next chunk see this one in its partition's cache, which keeps at most `kept` visitors.

    The rest of the pass's budget is spent on rebuilding hidden states.
    """
    cache = chunk.cache
    entries = chunk.entries.values()
    cache.keep([(entry.key, entry.record) for entry in entries if entry.record], kept)
    cache.given = chunk.identities.given_profiles.kept
    cache.note_panes(chunk.panes.moved())
    chunk.analytics.applied()
    cache.follow_timers([entry.due for entry in entries if entry.due], chunk.watermark)
    for key in chunk.forgotten:
        cache.forget(key)
    if chunk.budgets is not None:
        chunk.budgets.applied()
    chunk.sealing.applied(chunk.entries, kept)
    metrics.hidden_rebuilt.inc(rebuild(cache, chunk.version, chunk.waiting, chunk.budget, kept))


def commit(chunk: Chunk, metrics: Metrics, policies: Sequence[Policy]) -> None:
    """Publish a committed chunk to look-ups and metrics; `policies` as `chunk.makers` counts them."""
    visitors = [applied.click.visitor_id for applied in chunk.applied]
    rows = [batcher.rows for batcher in chunk.batchers]
    clicked = [rows[applied.batch][applied.row] for applied in chunk.applied]
    if visitors:
        chunk.cache.answers.add(AnsweredChunk(visitors, chunk.answers, clicked))
    for key in chunk.forgotten:
        chunk.cache.answers.forget(state_keys.visitor_id(key))
    report(metrics, chunk, policies)
