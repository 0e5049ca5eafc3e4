"""Stage encode: answers, dead letters and receipts as messages by topic."""

import time
from collections.abc import Iterator, Sequence
from itertools import chain

from models.contract.catalogue import Catalogue
from models.privacy import erasure
from streams.config.processing_config import ProcessingConfig
from streams.config.topics import ANSWERS
from streams.effects import NO_HEADERS, Message
from streams.pipeline import explaining
from streams.pipeline.answers import AnswerEncoder
from streams.pipeline.chunk import Chunk, Placed
from streams.pipeline.served_policy import ServedPolicy
from streams.texts.dead_letter import encode_dead_letter


def encode_all(
    chunk: Chunk, served: Sequence[ServedPolicy], catalogue: Catalogue, config: ProcessingConfig
) -> None:
    """Write the answers, explain those that ask for it, and seal them where answers are sealed.

    `served` are the policies in use, as `chunk.makers` counts them.
    """
    chunk.answers = _answers(chunk, served, catalogue)
    policies = [one.policy for one in served]
    explaining.explain_asked(chunk, policies, config.settings.explanations_per_chunk)
    chunk.outputs = _outputs(chunk, config)


def encode_feedback(chunk: Chunk, served: Sequence[ServedPolicy], config: ProcessingConfig) -> None:
    """Publish what closed, sealed where answers are; after the timers have fired."""
    joins, names = chunk.joins, config.names
    # A placement's own file comes before those of an experiment's arms, and arms are compared by one mix.
    mixes = {one.policy.actions.placement: one.policy.actions.reward for one in reversed(served)}
    joins.finish(chunk.work.state, mixes, chunk.sealing.sealer is not None)
    for role, found in (("rewards", joins.rewards), ("recommendation_outcomes", joins.recommendations)):
        if found:
            told = [(entry.key, value) for entry, value in found]
            chunk.outputs[getattr(names, role)] = chunk.sealing.sealed_later(role, told, chunk.work.state)


def _answers(chunk: Chunk, served: Sequence[ServedPolicy], catalogue: Catalogue) -> list[tuple[Message, ...]]:
    version, now = chunk.version.id if chunk.version else "", int(time.time() * 1000)
    encoders = [AnswerEncoder(one.texts, version, catalogue.version, now) for one in served]
    found = list[tuple[Message, ...]]()
    for applied, decided, maker in zip(chunk.applied, chunk.decided, chunk.makers, strict=True):
        scored, row, writer = chunk.scored[applied.batch], applied.row, encoders[maker]
        told = scored.tiers[row], scored.items[row], scored.forecasts[row]
        found.append(writer.answers(applied, decided, *told))
        if decided.opening is not None:
            decided.opening.kept = writer.kept(applied.click, decided)
    for placed in chunk.further:
        decisions = _decisions(chunk, encoders, placed)
        found = [(*answers, decision) for answers, decision in zip(found, decisions, strict=True)]
    return found


def _decisions(chunk: Chunk, encoders: Sequence[AnswerEncoder], placed: Placed) -> Iterator[Message]:
    """The decisions for a further placement."""
    for applied, decided, maker in zip(chunk.applied, *placed, strict=True):
        if decided.opening is not None:
            decided.opening.kept = encoders[maker].kept(applied.click, decided)
        yield encoders[maker].decision(applied, decided, chunk.scored[applied.batch].tiers[applied.row])


def _outputs(chunk: Chunk, config: ProcessingConfig) -> dict[str, list[Message]]:
    names, outputs = config.names, dict[str, list[Message]]()
    if chunk.answers:
        answers = chunk.answers
        if chunk.sealing.sealer is not None:
            visitors = [(applied.entry.key, applied.facts.born) for applied in chunk.applied]
            answers = chunk.sealing.sealed(answers, visitors, chunk.work.state)
        topics = [getattr(names, role) for role in ANSWERS]
        columns = list(map(list, zip(*answers, strict=True)))
        outputs = dict(zip(topics, columns, strict=False))
        outputs[names.ad_decisions] += chain(*columns[len(topics) :])
    if chunk.refused:
        outputs[names.dead_letters] = [
            encode_dead_letter(one.record, one.topic, chunk.work.partition, one.reason, one.message)
            for one in chunk.refused
        ]
    if chunk.erasures:
        outputs[names.erasures] = [
            (one.request.encode(), erasure.encode(one), NO_HEADERS) for one in chunk.erasures
        ]
    return outputs
