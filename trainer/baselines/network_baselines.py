"""Small networks on the feature row: a multilayer perceptron and a recurrent network (Elman 1990)."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models import quality_metrics
from models.features.features import NAMES
from models.features.tree_columns import USED
from trainer.baselines.baseline_kinds import Probabilities, State, sigmoid
from trainer.examples.examples import Examples, segments
from trainer.fitting.calibrate import platt

HIDDEN, RATE, DECAY, DROPOUT, SEED = 64, 2e-3, 1e-2, 0.2, 0
#: Clicks in a batch; clicks of a session in one sequence; newest clicks to train on.
CLICKS, LONGEST, MOST = 512, 50, 1_000_000
#: Epochs on a long log; most epochs and batches on a short one.
EPOCHS, MOST_EPOCHS, BATCHES = 4, 12, 1000


class Perceptron(nn.Module):
    """Two hidden layers on the feature row; it sees no other click of the session."""

    def __init__(self) -> None:
        super().__init__()
        layers = nn.Linear(len(NAMES), HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU()
        self.body = nn.Sequential(*layers, nn.Dropout(DROPOUT), nn.Linear(HIDDEN, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits [B, T] of inputs [B, T, F]."""
        logits: Tensor = self.body(inputs).squeeze(-1)
        return logits


class Elman(nn.Module):
    """One layer of tanh units over the feature rows of a session."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.RNN(len(NAMES), HIDDEN, batch_first=True)
        self.out = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(HIDDEN, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits [B, T] of inputs [B, T, F]."""
        logits: Tensor = self.out(self.body(inputs)[0]).squeeze(-1)
        return logits


class NetworkBaseline:
    """Training and prediction of one of the networks above."""

    def __init__(self, kind: type[nn.Module]) -> None:
        self._kind = kind

    def learn(self, train: Examples, valid: Examples) -> State:
        """Weights of the epoch with the best average precision on validation, and Platt scaling
        fitted there.
        """
        best, kept = -1.0, {}
        for number, (network, state) in enumerate(self._trained(train, _count(train))):
            logits, labels = _logits(network, valid, state)[valid.judged], valid.buys[valid.judged]
            precision = quality_metrics.average_precision(logits, labels)
            if precision > best:
                best, kept = (
                    precision,
                    {"epochs": number + 1, **state, **_calibrated(network, logits, labels)},
                )
        return kept

    def refit(self, state: State, every: Examples) -> State:
        """Weights after the same number of epochs on all clicks, with the Platt scaling that `state` has."""
        *_, (network, scaled) = self._trained(every, state["epochs"])
        return state | scaled | {"weights": _weights(network)}

    def _trained(self, train: Examples, epochs: int) -> Iterator[tuple[nn.Module, State]]:
        """Yields after each epoch the network and the scaling of its inputs."""
        train = train.part(np.arange(len(train)) >= len(train) - MOST)
        features = torch.from_numpy(train.features)
        scale = torch.from_numpy(USED) / features.std(0).clamp_min(1.0)
        state: State = {"mean": features.mean(0).numpy(), "scale": scale.numpy()}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            network = self._kind()
            for _ in _epochs(network, train, state, epochs):
                yield network, state

    def predict(self, state: State, examples: Examples) -> Probabilities:
        """Purchase probabilities `[N]` of grouped clicks."""
        network = self._kind()
        network.load_state_dict({name: torch.from_numpy(weight) for name, weight in state["weights"].items()})
        return sigmoid(_logits(network, examples, state) * state["slope"] + state["shift"])


def _calibrated(network: nn.Module, logits: Probabilities, labels: NDArray[np.bool_]) -> State:
    slope, shift = platt(logits, labels.astype(np.float32))
    return {"weights": _weights(network), "slope": slope, "shift": shift}


def _weights(network: nn.Module) -> State:
    return {name: weight.numpy().copy() for name, weight in network.state_dict().items()}


def _count(train: Examples) -> int:
    """Number of epochs: more passes over a short log."""
    return int(np.clip(BATCHES * CLICKS // max(1, len(train)), EPOCHS, MOST_EPOCHS))


def _epochs(network: nn.Module, train: Examples, state: State, count: int) -> Iterator[None]:
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    shuffle, labels = np.random.default_rng(SEED), torch.from_numpy(train.buys.astype(np.float32))
    judged = torch.from_numpy(train.judged)
    for _ in range(count):
        network.train()
        for where, inside in _batches(train.session, shuffle):
            wanted = inside & judged[where]
            logits = network(_inputs(train, where, state))[wanted]
            loss = F.binary_cross_entropy_with_logits(logits, labels[where[wanted]])
            optimiser.zero_grad(set_to_none=True)
            loss.nan_to_num().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        yield


@torch.no_grad()
def _logits(network: nn.Module, examples: Examples, state: State) -> Probabilities:
    network.eval()
    made_logits = np.zeros(len(examples), dtype=np.float32)
    for where, inside in _batches(examples.session, None):
        made_logits[where[inside].numpy()] = network(_inputs(examples, where, state))[inside].numpy()
    return made_logits


def _inputs(examples: Examples, where: Tensor, state: State) -> Tensor:
    rows = torch.from_numpy(examples.features[where.numpy()] - state["mean"])
    return rows * torch.from_numpy(state["scale"])


def _batches(
    session: NDArray[np.int64], shuffle: np.random.Generator | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Indices `[B, T]` of segments of similar length, and a mask `[B, T]` of the clicks inside
    each segment.
    """
    if not len(session):
        return
    starts = np.flatnonzero(np.diff(segments(session, LONGEST), prepend=-1))
    lengths = np.diff(np.append(starts, len(session)))
    jitter = shuffle.random(len(lengths)) if shuffle else np.zeros(len(lengths))
    order = np.lexsort((jitter, lengths))
    chunks = np.split(order, np.flatnonzero(np.diff(np.cumsum(lengths[order]) // CLICKS)) + 1)
    for number in shuffle.permutation(len(chunks)) if shuffle else range(len(chunks)):
        chosen = chunks[number]
        steps = np.arange(lengths[chosen].max())
        inside = steps < lengths[chosen, None]
        yield torch.from_numpy(np.where(inside, starts[chosen, None] + steps, 0)), torch.from_numpy(inside)
