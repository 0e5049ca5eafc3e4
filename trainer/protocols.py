"""Official next-item protocols: a split that papers share, methods by name, full ranking of all cases."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from models.errors import PathcastError
from models.hybrid import Blend
from trainer import networks, next_item, session_blend
from trainer.fit import Report
from trainer.options import Options
from trainer.ranking import Score, figures, ranks
from trainer.session_files import Sessions, Split, read


class ProtocolError(PathcastError):
    """A benchmark cannot be run as asked."""


class Result(NamedTuple):
    """A method's figures: recall@20, mrr@20, and the seconds of learning and scoring."""

    method: str
    figures: dict[str, float]


@dataclass
class Trial:
    """One split and how to train on it; what several methods share is made once."""

    split: Split
    options: Options
    report: Report
    _network: Score | None = field(default=None)

    def network(self) -> Score:
        """The network, trained on all sessions."""
        if self._network is None:
            split = self.split
            self._network = networks.train(split.train, None, split.ids, self.options, self.report)
        return self._network

    def blend(self) -> Blend:
        """What VSTAN has to say: both learned from the older sessions, their weights from the newest."""
        learned, valid = networks.held_out(self.split.train)
        trial = networks.train(learned, valid, self.split.ids, self.options, self.report)
        near = networks.shares(next_item.vstan(learned, len(self.split.ids)))
        return session_blend.learn(trial, near, valid)

    def hybrid(self) -> Score:
        """Network and VSTAN, both of all sessions, blended as the newest ones taught of the older ones."""
        near = next_item.vstan(self.split.train, len(self.split.ids))
        return session_blend.blended(self.network(), networks.shares(near), self.blend())


Method = Callable[[Trial], Score]


def _counted(learn: Callable[[Sessions, int], Score]) -> Method:
    return lambda trial: learn(trial.split.train, len(trial.split.ids))


METHODS: dict[str, Method] = {
    **{name: _counted(learn) for name, learn in next_item.COUNTING.items()},
    "network": Trial.network,
    "hybrid": Trial.hybrid,
}


def named(methods: str) -> list[str]:
    """Method names of a comma-separated list, or of `all`. Raises ProtocolError."""
    names = list(METHODS) if methods == "all" else [name.strip() for name in methods.split(",")]
    wrong = [name for name in names if name not in METHODS]
    if wrong:
        raise ProtocolError(f"method {wrong[0]!r} is unknown; choose all or from {', '.join(METHODS)}")
    return names


def run(
    train: Path, test: Path, methods: Sequence[str], options: Options, report: Report
) -> Iterator[Result]:
    """Learn and judge one method after the other. Raises LogError for files of another form."""
    trial = Trial(read(train, test), options, report)
    for name in methods:
        began = time.monotonic()
        found = ranks(METHODS[name](trial), trial.split.prefixes, trial.split.targets)
        yield Result(name, figures(found) | {"seconds": time.monotonic() - began})
