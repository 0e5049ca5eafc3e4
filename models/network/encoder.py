"""What every encoder of a visitor's clicks is: a whole sequence at once to learn, click by click to serve.

The two must agree to 1e-5 before the stored state is rounded, whatever the chunks. So an encoder either
carries a state from click to click (`models.network.recurrence`), or sees so few clicks that they are read
again from the visitor's record (`models.network.windows`). A session's place in absolute terms is known to
neither.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from models.errors import PathcastError
from models.features.batch import Batch

#: From event codes `[N]` to rows of the network's input table `[N, FIELDS]` (`Vocabulary.rows`).
Rows = Callable[[NDArray[np.void]], NDArray[np.int64]]


# A ValueError as well, so that a version with such a shape is refused like any that cannot be loaded.
class EncoderError(PathcastError, ValueError):
    """An encoder is unknown, or of a shape that cannot be served."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Which encoder, and how large; the fields are those of `models.network.network.Config`.

    `layers` and `window` 0 are the encoder's own; `window` is how many clicks a layer looks at, the click
    itself among them (of a `cnn` its taps), and of no meaning where a state is carried.
    """

    encoder: str
    embedding: int
    hidden: int
    layers: int
    attention_heads: int
    window: int
    dropout: float

    @classmethod
    def of(cls, settings: Any) -> "Shape":
        """From anything that has fields of these names."""
        return cls(*(getattr(settings, field.name) for field in fields(cls)))


class Serving(Protocol):
    """An encoder as it serves: holds weights and nothing of a visitor, so any thread may use it.

    `width` is how many bytes of state a visitor's record keeps for it; 0 where nothing is carried.
    """

    width: int

    def states(self, batch: Batch, model: int) -> tuple[Tensor, NDArray[Any]]:
        """States after each click `[N, H]` in record order; what is kept `[B, W]` after each slot's last.

        `model` says whose states the visitors' records may hold.
        """
        ...

    def rebuilt(self, history: list[bytes]) -> NDArray[Any]:
        """What is kept `[B, W]` after each of B sessions, of which the packed codes are given."""
        ...


class Encoder(nn.Module, ABC):
    """Turns inputs of width E to states of width H, each from the clicks up to its own.

    `context` is how many clicks a state can depend on, its own among them; None for all of the session.
    """

    context: int | None

    @abstractmethod
    def full(self, inputs: Tensor) -> Tensor:
        """States `[B, T, H]` after each of the inputs `[B, T, E]`, from a session's first click on."""

    @abstractmethod
    def serving(self, table: Tensor, rows: Rows) -> Serving:
        """The serving form over an input table `[R, E]`: a click's input is the sum of its rows."""
