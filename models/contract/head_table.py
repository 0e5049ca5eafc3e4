"""The table of heads: questions beside "buys in this session" and "which item next", one entry a head.

A head's name, kind, classes and published field stand here; its label in `trainer.examples.labels`. A version
keeps which heads it has, with the names of their classes, in its configuration (`Config.tasks`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final, NamedTuple

from models.contract.events import EVENTS

#: The class of everything outside the version's own classes.
OTHER: Final = "other"
#: The class of a session that ends.
LEAVE: Final = "leave"
#: States of a session; `docs/models/heads.md` defines each.
STATES: Final = (
    "exploring",
    "comparing",
    "price_sensitive",
    "about_to_leave",
    "hesitating",
    "ready_to_buy",
    "done",
)
#: States that are not learned: they follow from whether the session buys (`models.network.coherence`).
KNOWN_STATES: Final = ("ready_to_buy", "hesitating", "done")
#: Upper ends of the price bands, in the log's currency.
BANDS: Final = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)
PRICE_BANDS: Final = (
    f"<{BANDS[0]}",
    *(f"{low}-{high}" for low, high in pairwise(BANDS)),
    f">={BANDS[-1]}",
)
#: Which of the version's own names are a head's classes.
CATEGORIES: Final = "categories"
BRANDS: Final = "brands"
#: How many names of its own a version has of each, beside OTHER.
OWN_NAMES: Final = 20


class Kind(StrEnum):
    """How a head's outputs are read; the order is that of their columns."""

    BINARY = "binary"  # one logit: a probability
    SHARED = "shared"  # not learned: the probability of an event that another answer speaks of
    CLASSES = "classes"  # one logit a class: a distribution
    AMOUNT = "amount"  # location, raw spread of a lognormal: an expected amount
    RATING = "rating"  # one number on a fitted line
    RISK = "risk"  # not learned: see `models.network.risk`


#: Raw outputs by kind; None: one a class.
_WIDTHS: Final = {
    Kind.BINARY: 1,
    Kind.SHARED: 0,
    Kind.CLASSES: None,
    Kind.AMOUNT: 2,
    Kind.RATING: 1,
    Kind.RISK: 0,
}


class Head(NamedTuple):
    """`field` of `purchase-intent`, described by `says`; `given` is a feature that must be above 0.

    `classes` are the names of a distribution's classes, or whose of the version's own they are; `metric` is
    the figure by which the head is judged, the higher the better.
    """

    name: str
    kind: Kind
    field: str
    says: str
    metric: str
    classes: tuple[str, ...] | str = ()
    given: str = ""


_AP: Final = "average_precision"
# fmt: off
HEADS: Final = (
    Head("purchase_24h", Kind.BINARY, "purchase_24h_probability",
         "Purchase in this session or within 24 hours.", _AP),
    Head("purchase_7d", Kind.BINARY, "purchase_7d_probability",
         "Purchase in this session or within 7 days.", _AP),
    Head("search_next", Kind.SHARED, "search_probability",
         "The next click is a search; as in `next_events`.", _AP),
    Head("churn", Kind.BINARY, "churn_probability", "No session within the model's churn days.", "auc"),
    Head("cart_completion", Kind.SHARED, "cart_completion_probability",
         "`purchase_probability`, where the cart has items.", "auc", given="cart_items"),
    Head("interest_category", Kind.CLASSES, "interest_categories",
         "Likeliest categories of the next items.", "mrr", CATEGORIES),
    Head("interest_brand", Kind.CLASSES, "interest_brands",
         "Likeliest brands of the next items.", "mrr", BRANDS),
    Head("interest_price", Kind.CLASSES, "interest_price_bands",
         "Likeliest prices of the next items.", "mrr", PRICE_BANDS),
    Head("search_category", Kind.CLASSES, "search_categories",
         "Categories looked at, if the next click is a search.", "mrr", CATEGORIES),
    Head("next_event", Kind.CLASSES, "next_events",
         "Likeliest kinds of the next click; `leave` for none.", "accuracy", (*EVENTS, LEAVE)),
    Head("intent_state", Kind.CLASSES, "intent_states",
         "Likeliest states of the visitor; `ready_to_buy` is `purchase_probability`.", "macro_f1", STATES),
    Head("session_value", Kind.AMOUNT, "session_value",
         "Money expected to be spent yet in this session.", "gini"),
    Head("rating", Kind.RATING, "expected_rating",
         "Rating that the visitor would give the item on view.", "r2", given="has_item"),
    Head("session_risk", Kind.RISK, "session_risk",
         "Probability that a machine made the latest clicks.", "auc"),
)
# fmt: on

BY_NAME: Final = {head.name: head for head in HEADS}


@dataclass(frozen=True, slots=True)
class HeadPart:
    """A head of a version: its classes, its columns among raw outputs, and among answers."""

    head: Head
    classes: tuple[str, ...]
    raw: slice
    answers: slice


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of each head of a version; heads of a kind are adjacent, so each kind is one call."""

    parts: tuple[HeadPart, ...]
    raw: int
    answers: int
    #: Names of heads that are computed but not published, because training found no gain.
    silent: frozenset[str] = frozenset()

    @classmethod
    def of(cls, tasks: Sequence[tuple[str, Sequence[str]]]) -> "Layout":
        """From pairs of head and class names, as the configuration has them. Raises ValueError for others."""
        unknown = [name for name, _ in tasks if name not in BY_NAME]
        if unknown:
            raise ValueError(f"heads {unknown} are unknown, expected some of {list(BY_NAME)}")
        order = sorted(tasks, key=lambda task: list(Kind).index(BY_NAME[task[0]].kind))
        parts, raw, answers = [], 0, 0
        for name, classes in order:
            width = _WIDTHS[BY_NAME[name].kind]
            wide, told = (len(classes), len(classes)) if width is None else (width, 1)
            spans = slice(raw, raw + wide), slice(answers, answers + told)
            parts.append(HeadPart(BY_NAME[name], tuple(classes), *spans))
            raw, answers = spans[0].stop, spans[1].stop
        return cls(tuple(parts), raw, answers)

    def of_kind(self, kind: Kind) -> list[tuple[int, HeadPart]]:
        """The parts of a kind, with their numbers."""
        return [(number, part) for number, part in enumerate(self.parts) if part.head.kind is kind]

    def span(self, kind: Kind) -> tuple[slice, slice]:
        """Raw and answer columns of all parts of a kind."""
        parts = [part for _, part in self.of_kind(kind)]
        if not parts:
            return slice(0, 0), slice(0, 0)
        return (
            slice(parts[0].raw.start, parts[-1].raw.stop),
            slice(parts[0].answers.start, parts[-1].answers.stop),
        )

    def silenced(self, judged: Mapping[str, Mapping[str, Any]]) -> "Layout":
        """This layout, without publishing the heads that a version's metrics (`heads`) exclude."""
        return replace(self, silent=frozenset(name for name, one in judged.items() if not one["published"]))

    def __getitem__(self, name: str) -> HeadPart:
        return next(part for part in self.parts if part.head.name == name)
