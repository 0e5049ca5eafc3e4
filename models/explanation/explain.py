"""Explanations of the network's answers: the effect of each click and of each feature.

The effect of a click is the change of the answer without it: leave-one-out attribution, or occlusion (Zeiler
and Fergus 2014, "Visualizing and understanding convolutional networks"). The effect of a feature is the
change with the feature at its training mean (mean ablation). All variants of a session are scored as one
batch by the version's own encoder. `models.explanation.counterfactuals` makes the sessions without one click.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.contract.events import EVENTS
from models.contract.explanations import (
    MOST_EFFECTS,
    ClickEffect,
    FeatureEffect,
    IntentExplanation,
    ItemReason,
    ItemsExplanation,
)
from models.decisions.decision import published
from models.explanation import phrases
from models.explanation.counterfactuals import Session, leave_one_out
from models.features.batch import Batch, Batcher
from models.features.features import COLUMNS
from models.scoring.probe import Probe
from models.scoring.scorer import NeuralScorer
from models.state.codes import WIDTH, item_hash, unpack
from models.state.codes import items as item_hashes
from models.state.visitor import Visitor

#: Probabilities are clipped to this distance from 0 and 1; beyond it float32 log odds are inexact.
_SURE: Final = 1e-7


@dataclass(frozen=True, slots=True)
class Explained:
    """The explanations of purchase intent and of recommendations for one click."""

    intent: IntentExplanation
    items: ItemsExplanation


def explain(
    scorer: NeuralScorer,
    session: Session,
    recommended: Sequence[str],
    variants: Sequence[Session] | None = None,
) -> Explained:
    """Explain the network's answers to the last click of a session; `recommended` are item ids.

    `variants` are the session without each of its clicks; they are made from its codes unless given. Raises
    ScoringError where a value is not finite.
    """
    probe = examine(scorer, session, recommended, variants)
    clicks = _clicks(scorer, session)[: len(probe.chances) - 1]
    return Explained(
        _intent(probe, clicks, session), _items(probe.scores, clicks, list(recommended), session)
    )


def examine(
    scorer: NeuralScorer,
    session: Session,
    recommended: Sequence[str] = (),
    variants: Sequence[Session] | None = None,
) -> Probe:
    """The figures of `explain`: answers to the session, without each click, and without each feature."""
    variants = leave_one_out(session) if variants is None else variants
    items = scorer.vocabulary.lookup(np.array([item_hash(item) for item in recommended], dtype=np.uint64))
    batch = batch_of([session, *variants])
    probe = scorer.probe(batch, items, list(COLUMNS.values()))
    # An item on view is not recommended, so a variant that has it on view gives no score for it.
    on_view = scorer.vocabulary.lookup(item_hashes(batch.codes))[:, None] == items
    return probe._replace(scores=np.where(on_view, probe.scores[:1], probe.scores))


class SessionClick(NamedTuple):
    """A click of the session, from its code.

    `number` is its 1-based index in the session, `times` how often the event has happened to the same item or
    page. `item` says whether it is about an item; `item_id` is None for an item that the model does not know.
    """

    number: int
    event: str
    item_id: str | None
    times: int
    item: bool


def _clicks(scorer: NeuralScorer, session: Session) -> list[SessionClick]:
    codes, seen, found = unpack(session.codes), Counter[tuple[int, int]](), []
    hashes = item_hashes(codes)
    indices = scorer.vocabulary.lookup(hashes).tolist()
    first = session.position - len(codes) + 1
    subjects = zip(codes["event"].tolist(), codes["item"].tolist(), strict=True)
    about = zip(subjects, indices, (hashes != 0).tolist(), strict=True)
    for number, (subject, index, item) in enumerate(about, start=first):
        seen[subject] += 1
        name = scorer.vocabulary.ids[index] if index >= 0 else None
        times = seen[subject] if subject[1] else 1
        found.append(SessionClick(number, EVENTS[subject[0] - 1], name, times, item))
    return found


def _intent(probe: Probe, clicks: Sequence[SessionClick], session: Session) -> IntentExplanation:
    chance, others = probe.chances[0], probe.chances[1:]
    changed, odds = _effects(chance, others)
    order = np.argsort(-np.abs(odds), kind="stable")[:MOST_EFFECTS].tolist()
    told = [
        ClickEffect(clicks[n].number, clicks[n].event, clicks[n].item_id, changed[n], odds[n]) for n in order
    ]
    words = [phrases.click_words(clicks[n].event, clicks[n].times, clicks[n].item) for n in order]
    moved = _features(chance, probe.blanked)
    probability = published(float(chance))
    covered = phrases.coverage(len(clicks), session.position)
    text = phrases.sentence(probability, told, words, moved, covered)
    return IntentExplanation(text, probability, len(clicks), told, moved)


def _features(chance: float, blanked: NDArray[np.float64]) -> list[FeatureEffect]:
    changed, odds = _effects(chance, blanked)
    names = list(COLUMNS)
    order = np.argsort(-np.abs(odds), kind="stable")[:MOST_EFFECTS].tolist()
    return [FeatureEffect(names[n], changed[n], odds[n]) for n in order if odds[n]]


def _effects(chance: float, others: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Decrease of the probability and of its log odds without each, rounded as published."""
    changed = [round(float(chance - other), 4) for other in others]
    return changed, [round(float(_log_odds(chance) - _log_odds(other)), 3) for other in others]


def _log_odds(chance: float) -> float:
    sure = min(max(chance, _SURE), 1 - _SURE)
    return float(np.log(sure) - np.log1p(-sure))


def _items(
    scores: NDArray[np.float64], clicks: Sequence[SessionClick], recommended: list[str], session: Session
) -> ItemsExplanation:
    reasons = [ItemReason(item, "") for item in recommended]
    if len(clicks):
        lost = scores[0] - scores[1:]
        for place, (best, reason) in enumerate(zip(lost.argmax(0).tolist(), reasons, strict=True)):
            if lost[best, place] > 0:
                reasons[place] = _reason(reason.item_id, clicks[best], float(lost[best, place]))
    named = (f"{one.item_id} is recommended {one.text}." for one in reasons if one.text)
    told = next(named, "No click of this session raised the score of a recommended item.")
    covered = phrases.coverage(len(clicks), session.position)
    return ItemsExplanation(told + covered, len(clicks), reasons)


def _reason(item_id: str, click: SessionClick, score: float) -> ItemReason:
    text = phrases.because(click.event, click.item_id, click.item)
    return ItemReason(item_id, text, click.number, click.item_id, round(score, 5))


def batch_of(sessions: Sequence[Session]) -> Batch:
    """A batch of sessions, each of a visitor of its own whose hidden state is rebuilt from codes."""
    batcher = Batcher()
    for session in sessions:
        before = Visitor(codes=session.codes[:-WIDTH], in_session=session.known - 1)
        batcher.click(batcher.visitor(before), session.codes[-WIDTH:], session.position, session.row)
    return batcher.build()
