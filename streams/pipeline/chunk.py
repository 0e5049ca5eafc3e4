"""One chunk of one partition as plain data: its input and the results of each stage so far.

The stages (`streams.pipeline.processor` lists them) read it and add to it. Nothing outside the chunk changes
before its effects are committed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract.decision_context import Context, Stage
from models.contract.events import Click, Reason
from models.contract.predictions import FallbackTier
from models.decisions.decision import Decision
from models.features.batch import Batcher
from models.privacy.erasure import Erasure
from models.registry.versions import Version
from models.state.facts import Facts, Transition
from streams.analytics.partition_analytics import ChunkAnalytics
from streams.config.processing_config import ProcessingConfig
from streams.constraints.partition_budgets import ChunkBudgets
from streams.effects import Message, Work
from streams.feedback.joins import Joins, Opening
from streams.identity.identities import Identities
from streams.partition_state.cache import PartitionCache
from streams.partition_state.pane_updates import PaneUpdates
from streams.partition_state.visitors import VisitorEntry
from streams.privacy.sealing import Sealer, Sealing

#: A chunk's batches. Visitors who consent are scored by the network (CONSENTING), or by a lower tier while
#: their hidden state waits to be rebuilt (WAITING). Visitors who refused get the popular tier (REFUSING).
CONSENTING, REFUSING, WAITING = 0, 1, 2
#: Names of an experiment and its arm; none without one.
Trial = tuple[str, str] | tuple[None, None]
#: The batch number of visitors without a click in the chunk: nothing is scored for them.
ASIDE = -1


class Applied(msgspec.Struct, gc=False):
    """A click that changed its visitor; `row` is its index in batch number `batch`.

    `stage` and `cart_milli` are the session's as of this click, `watermark` the one it was stepped with.
    """

    key: bytes
    click: Click
    facts: Facts
    entry: VisitorEntry
    watermark: int
    batch: int
    row: int
    stage: Stage
    cart_milli: int
    session: int


class RefusedInput(NamedTuple):
    """An input that becomes a dead letter."""

    record: Any
    topic: str
    reason: Reason
    message: str


@dataclass(slots=True)
class Scored:
    """Answers by click: probability, items as JSON (best first), tier, further heads' fields as JSON, session
    risk (None where no head gave one), intent states [N, states] (None where no head gave them); and hidden
    states by slot.
    """

    purchase: list[float]
    items: list[bytes]
    tiers: list[FallbackTier]
    forecasts: list[bytes]
    hidden: list[bytes]
    risks: list[float | None]
    intents: NDArray[np.float32] | None = None
    #: By click the tags of its items, best first (`models.feedback.recommended`).
    tags: list[bytes] = field(default_factory=list)


NOTHING = Scored([], [], [], [], [], [])


class Decided(msgspec.Struct, gc=False):
    """A click's decision with its context and draw; `probability` is the published value.

    `opening` is where the feedback join keeps it; None for the `none` action.
    """

    probability: float
    context: Context
    draw: int
    decision: Decision
    opening: Opening | None = None


class Placed(NamedTuple):
    """By applied click the decision for a placement, and which of the policies in use made it."""

    decided: list[Decided]
    makers: list[int]


@dataclass(slots=True)
class RebuildBudget:
    """How many visitors' hidden states one pass over chunks may still rebuild."""

    left: int

    def take(self) -> bool:
        """Whether there is room for one more."""
        if self.left == 0:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class Chunk:
    """Fields are grouped by the stage that fills them; several stages add to those at the end."""

    work: Work
    cache: PartitionCache
    version: Version | None
    budget: RebuildBudget
    identities: Identities
    sealing: Sealing
    panes: PaneUpdates
    analytics: ChunkAnalytics
    joins: Joins
    #: Event time reached (ms): the partition's before the chunk, then each later click's.
    watermark: int

    # Read. By record: the key of its visitor, as the state and the answers have it.
    keys: list[bytes] = field(default_factory=list)
    entries: dict[bytes, VisitorEntry] = field(default_factory=dict)
    #: State keys of visitors that requests for erasure name.
    named: set[bytes] = field(default_factory=set)
    #: Visitors whose hidden state waits to be rebuilt, and how many are rebuilt with this chunk.
    waiting: set[bytes] = field(default_factory=set)
    rebuilt: int = 0
    misrouted: int = 0

    # Step.
    applied: list[Applied] = field(default_factory=list)
    #: State keys of visitors of an erased user.
    linked: set[bytes] = field(default_factory=set)
    duplicates: int = 0
    by_arrival: int = 0
    repeated_orders: int = 0

    # Score: the answers of each batch.
    scored: tuple[Scored, Scored, Scored] = (NOTHING, NOTHING, NOTHING)

    # Decide. By applied click: the decision, and which of the policies in use made it.
    decided: list[Decided] = field(default_factory=list)
    makers: list[int] = field(default_factory=list)
    #: The same for each further placement.
    further: list[Placed] = field(default_factory=list)
    #: What the chunk spends of budgets; None where nothing is known of any.
    budgets: ChunkBudgets | None = None

    # Encode. Unsealed answers by applied click; and all messages to publish so far, by topic.
    answers: list[tuple[Message, ...]] = field(default_factory=list)
    outputs: dict[str, list[Message]] = field(default_factory=dict)
    explained: Counter[str] = field(default_factory=Counter)

    # Read and step.
    batchers: tuple[Batcher, Batcher, Batcher] = field(
        default_factory=lambda: (Batcher(), Batcher(), Batcher())
    )
    refused: list[RefusedInput] = field(default_factory=list)
    erasures: list[Erasure] = field(default_factory=list)
    # Step, decide and fire timers: transitions of visitors caused by event time, counted by kind.
    transitions: Counter[str] = field(default_factory=Counter)
    #: Seconds that each stage took.
    timings: list[tuple[str, float]] = field(default_factory=list)

    @classmethod
    def begin(
        cls,
        work: Work,
        cache: PartitionCache,
        version: Version | None,
        budget: RebuildBudget,
        config: ProcessingConfig,
        sealer: Sealer | None,
    ) -> "Chunk":
        """A chunk before its first stage."""
        return cls(
            work,
            cache,
            version,
            budget,
            Identities(work, config, cache.given),
            Sealing(sealer, cache.envelopes),
            PaneUpdates(config.panes),
            ChunkAnalytics(work.partition, cache.analytics, config.analytics),
            Joins(config.session.exposure.attribution_ms),
            max(work.watermark, work.idle_to),
        )

    @property
    def forgotten(self) -> set[bytes]:
        """State keys of the visitors that the chunk erases."""
        return self.named | self.linked

    def rows(self) -> bytes:
        """The packed feature rows of the applied clicks."""
        return b"".join(self.batchers[one.batch].rows[one.row] for one in self.applied)

    def refuse(self, record: Any, topic: str, reason: Reason, message: str) -> None:
        """Record that an input is refused and becomes a dead letter."""
        self.refused.append(RefusedInput(record, topic, reason, message))

    def count(self, transitions: Sequence[Transition]) -> None:
        """Count a visitor's transitions, here, in the panes and in analytics."""
        for transition in transitions:
            self.panes.collector.transition(transition)
            self.analytics.collector.transition(transition)
            self.transitions[type(transition).__name__] += 1


class Versions(Protocol):
    """The model version in use, and observers of committed chunks."""

    @property
    def current(self) -> Version | None:
        """The version in use."""
        ...

    def follow_chunk(self, chunk: Chunk) -> None:
        """Tell the observers that a chunk's transaction was committed."""
        ...
