"""The encoders by name. A new one is a class (`models.network.encoder.Encoder`) and an entry here."""

from collections.abc import Callable

import torch

from models.network.cells import Gru, Lstm
from models.network.convolution import Convolution
from models.network.encoder import Encoder, EncoderError, Shape
from models.network.transformer import Transformer

ENCODERS: dict[str, Callable[[Shape], Encoder]] = {
    "gru": Gru,
    "lstm": Lstm,
    "transformer": Transformer,
    "cnn": Convolution,
}


def build(shape: Shape) -> Encoder:
    """An untrained encoder. Raises EncoderError for an unknown name and for what cannot be served."""
    kind = ENCODERS.get(shape.encoder)
    if kind is None:
        raise EncoderError(f"encoder is {shape.encoder!r}; choose from {', '.join(ENCODERS)}")
    return kind(shape)


def check(shape: Shape) -> None:
    """Raises EncoderError for a shape that `build` would refuse; needs no memory for weights."""
    with torch.device("meta"):
        build(shape)
