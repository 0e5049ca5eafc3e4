"""Published next-item protocols: a split that papers share, methods by name, and full ranking of
all cases.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

from models.errors import PathcastError
from models.scoring.blend import Blend
from trainer.baselines import next_item
from trainer.baselines.ranking import Score, figures, ranks
from trainer.experiments import network_protocol, session_blend
from trainer.fitting.fit import Report
from trainer.logs.session_files import Sessions, Split, read
from trainer.loop.options import Options


class ProtocolError(PathcastError):
    """A benchmark cannot be run as requested."""


class Result(NamedTuple):
    """One method's recall@20 and mrr@20, and the seconds of training and scoring.

    For a method trained with several seeds: means, and standard deviations as `NAME spread`.
    """

    method: str
    figures: dict[str, float]


@dataclass
class ProtocolTrial:
    """One split and how to train on it; what several methods share is trained once.

    `seed` is the seed of the current network. The blend's weights are always those of the options' own seed.
    """

    split: Split
    options: Options
    report: Report
    seed: int
    _networks: dict[int, Score] = field(default_factory=dict)
    _blend: Blend | None = None

    def network(self) -> Score:
        """The network, trained on all sessions."""
        if self.seed not in self._networks:
            split, own = self.split, replace(self.options, seed=self.seed)
            self._networks[self.seed] = network_protocol.train(split.train, None, split.ids, own, self.report)
        return self._networks[self.seed]

    def blend(self) -> Blend:
        """The blend with VSTAN: both models are trained on the older sessions, the weights on the newest."""
        if self._blend is None:
            learned, valid = network_protocol.held_out(self.split.train)
            trial = network_protocol.train(learned, valid, self.split.ids, self.options, self.report)
            near = network_protocol.shares(next_item.vstan(learned, len(self.split.ids)))
            self._blend = session_blend.learn(trial, near, valid)
        return self._blend

    def hybrid(self) -> Score:
        """Network and VSTAN, both trained on all sessions, blended with the weights of `blend`."""
        near = next_item.vstan(self.split.train, len(self.split.ids))
        return session_blend.blended(self.network(), network_protocol.shares(near), self.blend())


Method = Callable[[ProtocolTrial], Score]


def _counted(learn: Callable[[Sessions, int], Score]) -> Method:
    return lambda trial: learn(trial.split.train, len(trial.split.ids))


LEARNED: dict[str, Method] = {"network": ProtocolTrial.network, "hybrid": ProtocolTrial.hybrid}
METHODS: dict[str, Method] = {
    **{name: _counted(learn) for name, learn in next_item.COUNTING.items()},
    **LEARNED,
}


def named(methods: str) -> list[str]:
    """Method names of a comma-separated list, or of `all`. Raises ProtocolError for an unknown method."""
    names = list(METHODS) if methods == "all" else [name.strip() for name in methods.split(",")]
    wrong = [name for name in names if name not in METHODS]
    if wrong:
        raise ProtocolError(f"method {wrong[0]!r} is unknown; choose all or from {', '.join(METHODS)}")
    return names


def run(
    train: Path, test: Path, methods: Sequence[str], options: Options, report: Report, seeds: int = 1
) -> Iterator[Result]:
    """Train and judge one method after the other. Raises LogError for files in another format."""
    trial = ProtocolTrial(read(train, test), options, report, options.seed)
    for name in methods:
        began = time.monotonic()
        results = []
        for number in range(seeds if name in LEARNED else 1):
            trial.seed = options.seed + number
            results.append(figures(ranks(METHODS[name](trial), trial.split.prefixes, trial.split.targets)))
        yield Result(name, _summed(results) | {"seconds": time.monotonic() - began})


def _summed(results: list[dict[str, float]]) -> dict[str, float]:
    """Means over seeds, and standard deviations where there are several seeds."""
    columns = {name: [figure[name] for figure in results] for name in results[0]}
    means = {name: mean(values) for name, values in columns.items()}
    if len(results) > 1:
        means |= {f"{name} spread": stdev(values) for name, values in columns.items()}
    return means
