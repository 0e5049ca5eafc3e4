"""Stage score: answers from the highest fallback tier that is loaded and fits the deadline."""

import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.contract.head_table import Kind
from models.contract.predictions import FallbackTier
from models.features.batch import Batch, Batcher, concatenated
from models.registry.versions import Version
from models.scoring.popularity import Popularity
from models.scoring.scores import TIERS, Scores
from models.serving import fallback_chain
from models.serving.merchandising import Merchandiser
from models.serving.text_kernels import STEPS
from streams.pipeline.chunk import CONSENTING, NOTHING, Chunk, Scored
from streams.pipeline.deadline import Deadline
from streams.texts.heads_json import HeadsEncoder
from streams.texts.items_json import ItemsEncoder


class Counts(Protocol):
    """The part of a partition's cache that the lower tiers need."""

    @property
    def popularity(self) -> Popularity:
        """Popularity of items; updated when read, and the neural tier does not read it."""
        ...


_listing, _forecasts = ItemsEncoder(), HeadsEncoder()


def score_all(
    chunks: Sequence[Chunk], version: Version | None, deadline: Deadline, shop: Merchandiser
) -> None:
    """Score chunks of different partitions in one pass; past the deadline, each by a lower tier."""
    young = in_time(chunks, deadline) if version is not None else []
    batchers = [chunk.batchers[CONSENTING] for chunk in young]
    scored = neural(batchers, version, deadline, shop) or []
    answers = {id(chunk): answer for chunk, answer in zip(young, scored, strict=False)}
    for chunk in chunks:
        score(chunk, answers.get(id(chunk)), deadline, shop)


def in_time(chunks: Sequence[Chunk], deadline: Deadline) -> list[Chunk]:
    """The chunks that the network can answer in time, the latest first: one with a backlog keeps no other
    from it.
    """
    found: list[Chunk] = []
    now, clicks = time.monotonic(), 0
    for chunk in sorted(chunks, key=lambda chunk: -chunk.work.fetched_at):
        more = clicks + len(chunk.batchers[CONSENTING])
        if not deadline.allows(FallbackTier.NEURAL, more, now - chunk.work.fetched_at):
            break
        found.append(chunk)
        clicks = more
    return found


def score(chunk: Chunk, answers: Scored | None, deadline: Deadline, shop: Merchandiser) -> None:
    """Store the network's answers, or those of a lower tier where it gave none."""
    chunk.cache.follow(chunk.version)

    def lower(batcher: Batcher) -> Scored:
        batch, fetched_at = batcher.build(), chunk.work.fetched_at
        return fallback(batch, chunk.version, chunk.cache, deadline, fetched_at, shop)

    consenting, refusing, waiting = chunk.batchers
    answers = lower(consenting) if answers is None else answers
    popularly = popular(refusing.build(), chunk.cache, shop) if len(refusing) else NOTHING
    chunk.scored = answers, popularly, lower(waiting) if len(waiting) else NOTHING
    _remember(chunk, answers.hidden)


def _remember(chunk: Chunk, hidden: list[bytes]) -> None:
    if hidden and chunk.version is not None:
        for entry in chunk.entries.values():
            if entry.visitor is not None and entry.batch == CONSENTING:
                entry.visitor.remember(hidden[entry.slot], chunk.version.id64)


def popular(batch: Batch, cache: Counts, shop: Merchandiser = fallback_chain.LENIENT) -> Scored:
    """The popular tier's answers, for visitors who refused consent: nothing of theirs is used."""
    if not len(batch):
        return NOTHING
    return _listed(fallback_chain.fallback(batch, cache.popularity, shop=shop))


def neural(
    batchers: Sequence[Batcher],
    version: Version | None,
    deadline: Deadline,
    shop: Merchandiser = fallback_chain.LENIENT,
) -> list[Scored] | None:
    """The top tier's answers to several chunks in one pass; None where there is no model or it failed."""
    clicks = sum(map(len, batchers))
    if not clicks:
        return [NOTHING] * len(batchers)
    started = time.monotonic()
    scores = fallback_chain.neural(version, concatenated(batchers), shop)
    if scores is None:
        return None
    deadline.measured(FallbackTier.NEURAL, clicks, time.monotonic() - started)
    return _parted(_listed(scores), batchers)


def _parted(scored: Scored, batchers: Sequence[Batcher]) -> list[Scored]:
    """The answers of each chunk."""
    if len(batchers) == 1:
        return [scored]
    parts, click, slot = [], 0, 0
    for batcher in batchers:
        clicks, slots = slice(click, click + len(batcher)), slice(slot, slot + batcher.slots)
        click, slot = clicks.stop, slots.stop
        hidden = scored.hidden[slots] if len(batcher) else []
        told = scored.tiers[clicks], scored.forecasts[clicks]
        risks, intents, tags = scored.risks[clicks], scored.intents, scored.tags[clicks]
        intents = None if intents is None else intents[clicks]
        purchase, items = scored.purchase[clicks], scored.items[clicks]
        parts.append(Scored(purchase, items, *told, hidden, risks, intents, tags))
    return parts


def fallback(
    batch: Batch,
    version: Version | None,
    cache: Counts,
    deadline: Deadline,
    fetched_at: float,
    shop: Merchandiser = fallback_chain.LENIENT,
) -> Scored:
    """Answers from below the neural tier."""
    if not len(batch):
        return NOTHING
    spent = time.monotonic() - fetched_at
    if version is None or not deadline.allows(FallbackTier.SESSION_KNN, len(batch), spent):
        return _listed(fallback_chain.fallback(batch, cache.popularity, shop=shop))
    started = time.monotonic()
    scores = fallback_chain.fallback(batch, cache.popularity, version.neighbours, shop)
    deadline.measured(FallbackTier.SESSION_KNN, len(batch), time.monotonic() - started)
    return _listed(scores)


def _listed(scores: Scores) -> Scored:
    tiers = [TIERS[number] for number in scores.tier.tolist()]
    listed, told = _listing.lists(scores), _forecasts.texts(scores)
    hidden, risks, tags = scores.hidden_bytes(), _risks(scores), _listing.tags(scores)
    return Scored(scores.purchase.tolist(), listed, tiers, told, hidden, risks, _intents(scores), tags)


def _intents(scores: Scores) -> NDArray[np.float32] | None:
    """Probabilities of the intent states; None where the version does not publish them."""
    layout = scores.layout
    if scores.tasks is None or layout is None or "intent_state" in layout.silent:
        return None
    part = next((part for part in layout.parts if part.head.name == "intent_state"), None)
    return None if part is None else scores.tasks[:, part.answers]


def _risks(scores: Scores) -> list[float | None]:
    """Published session risk of each click; None where it is not published."""
    parts = scores.layout.of_kind(Kind.RISK) if scores.layout is not None else []
    if scores.tasks is None or not parts:
        return [None] * len(scores.purchase)
    risks = scores.tasks[:, parts[0][1].answers.start].astype(np.float64)
    steps: list[float] = (np.rint(risks * STEPS) / STEPS).tolist()
    return [None if risk != risk else risk for risk in steps]
