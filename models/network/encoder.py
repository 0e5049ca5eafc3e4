"""The interface of encoders: whole sequences in training, click by click in serving.

Both must agree to 1e-5 before the stored state is rounded, however the clicks are chunked. So an encoder
either carries a state from click to click (`models.network.recurrence`), or depends on so few clicks that
they are read again from the visitor's record (`models.network.windows`). No encoder knows the absolute
position of a click in its session.
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


# Also a ValueError, so that loading a version with such a shape is refused like other wrong content.
class EncoderError(PathcastError, ValueError):
    """An encoder has an unknown name, or a shape that cannot be served."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The encoder's name and sizes; the fields are those of `models.network.network.Config`.

    `layers` and `window` 0 stand for the encoder's default. `window` is the number of clicks that a layer
    reads, the click itself included (of a `cnn`, its taps); recurrent encoders ignore it.
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
        """From an object that has attributes of these names."""
        return cls(*(getattr(settings, field.name) for field in fields(cls)))


class Serving(Protocol):
    """The serving form of an encoder. It has no data of visitors, so any thread may use it.

    `width` is the size in bytes of the state in a visitor's record; 0 for an encoder without one.
    """

    width: int

    def states(self, batch: Batch, model: int) -> tuple[Tensor, NDArray[Any]]:
        """States after each click `[N, H]` in record order; states to store `[B, W]`, by slot.

        `model` is the id of this version; stored states of another version are rebuilt from codes.
        """
        ...

    def rebuilt(self, history: list[bytes]) -> NDArray[Any]:
        """The states to store `[B, W]` after each of B sessions, given as packed codes."""
        ...


class Encoder(nn.Module, ABC):
    """Computes states of width H from inputs of width E; a state depends on the clicks up to its own.

    `context` is the number of clicks that a state depends on, its own included; None for the whole session.
    """

    context: int | None

    @abstractmethod
    def full(self, inputs: Tensor) -> Tensor:
        """States `[B, T, H]` after each of the inputs `[B, T, E]`, from a session's first click on."""

    @abstractmethod
    def serving(self, table: Tensor, rows: Rows) -> Serving:
        """The serving form over an input table `[R, E]`: a click's input is the sum of its rows."""
