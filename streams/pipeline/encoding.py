"""Stage encode: answers, dead letters and receipts as messages by topic."""

import time

from models.contract.catalogue import Catalogue
from models.privacy import erasure
from streams.config.processing_config import ProcessingConfig
from streams.config.topics import ANSWERS
from streams.effects import NO_HEADERS, Message
from streams.pipeline import explaining
from streams.pipeline.answers import AnswerEncoder, PolicyTexts
from streams.pipeline.chunk import Chunk
from streams.pipeline.dead_letter import encode_dead_letter


def encode_all(chunk: Chunk, texts: PolicyTexts, catalogue: Catalogue, config: ProcessingConfig) -> None:
    """Write the answers, explain those that ask for it, and seal them where answers are sealed."""
    chunk.answers = _answers(chunk, texts, catalogue)
    explaining.explain_asked(chunk, texts.policy, config.settings.explanations_per_chunk)
    chunk.outputs = _outputs(chunk, config)


def _answers(chunk: Chunk, texts: PolicyTexts, catalogue: Catalogue) -> list[tuple[Message, ...]]:
    version, now = chunk.version.id if chunk.version else "", int(time.time() * 1000)
    encoder, found = AnswerEncoder(texts, version, catalogue.version, now), list[tuple[Message, ...]]()
    for applied, decided in zip(chunk.applied, chunk.decided, strict=True):
        scored, row = chunk.scored[applied.batch], applied.row
        items, forecasts = scored.items[row], scored.forecasts[row]
        found.append(encoder.answers(applied, decided, scored.tiers[row], items, forecasts))
    return found


def _outputs(chunk: Chunk, config: ProcessingConfig) -> dict[str, list[Message]]:
    names, outputs = config.names, dict[str, list[Message]]()
    if chunk.answers:
        visitors = [(applied.entry.key, applied.facts.born) for applied in chunk.applied]
        answers = chunk.sealing.sealed(chunk.answers, visitors, chunk.work.state)
        topics = [getattr(names, role) for role in ANSWERS]
        outputs = dict(zip(topics, map(list, zip(*answers, strict=True)), strict=True))
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
