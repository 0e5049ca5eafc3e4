"""Training events a second beside GRU4Rec's way of training: same loss, same sampling, same sessions."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch

from tests.bench.clicks import ROOT
from tests.bench.session_parallel import SessionParallel, Shape
from trainer.baselines.ranking import Score, figures, ranks
from trainer.experiments import network_protocol
from trainer.fitting.fit import fit
from trainer.logs.session_files import Sessions, read
from trainer.loop.options import Options

FOLDER = ROOT.parent / "shared" / "data" / "diginetica"
#: Items drawn by both: as in the parameters that GRU4Rec's authors publish.
DRAWN = 2048
#: Few sessions and few candidates need less of it.
DROPOUT = 0.2


class Learned(NamedTuple):
    """Next items learned from, the seconds that took, and recall@20 on held-out sessions."""

    events: int
    seconds: float
    recall: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


def training(sessions: int, epochs: int, say: Callable[[str], None]) -> dict[str, Any] | None:
    """Both trained on the newest `sessions` of Diginetica; the other until it finds as much, or for twice the
    epochs.

    On all cores. None where the log is missing.
    """
    files = FOLDER / "diginetica_train_sessions.txt.gz", FOLDER / "diginetica_test.txt.gz"
    if not files[0].exists():
        say("training: no ../shared/data/diginetica, so nothing to compare on")
        return None
    split = read(*files)
    total = len(split.train)
    learned, judged = network_protocol.held_out(split.train.part(max(0, total - sessions), total))
    options = replace(
        network_protocol.OPTIONS, epochs=epochs, candidates=DRAWN, dropout=DROPOUT, device="cpu"
    )
    ours = _ours(learned, judged, split.ids, options)
    say(f"training: Pathcast {ours.rate:,.0f} events/s, recall@20 {ours.recall:.3f}")
    theirs, rounds = _theirs(learned, judged, len(split.ids), options, ours.recall)
    say(f"training: session-parallel {theirs.rate:,.0f} events/s, recall@20 {theirs.recall:.3f}")
    found = {"pathcast": ours, "session_parallel": theirs}
    return {
        **{name: {**one._asdict(), "rate": one.rate} for name, one in found.items()},
        "epochs": {"pathcast": epochs, "session_parallel": rounds},
    }


def _ours(learned: Sessions, judged: Sessions, ids: tuple[str, ...], options: Options) -> Learned:
    network, rows, data = network_protocol.untrained(learned, ids, options)
    began = time.perf_counter()
    fit(network, data, None, options, lambda progress: None)
    spent = time.perf_counter() - began
    events = options.epochs * int((data.target >= 0).sum())
    return Learned(events, spent, _recall(network_protocol.scorer(network, rows, options.longest), judged))


def _theirs(
    learned: Sessions, judged: Sessions, items: int, options: Options, enough: float
) -> tuple[Learned, int]:
    counts = np.maximum(1, np.bincount(learned.items, minlength=items))
    share = torch.from_numpy(counts / counts.sum()).float()
    shape = Shape(options.hidden, options.candidates, options.power, options.dropout, options.cosine)
    network = SessionParallel(share, shape, options.seed)
    found, rounds = Learned(0, 0.0, 0.0), 0
    while not rounds or (found.recall < enough and rounds < 2 * options.epochs):
        began = time.perf_counter()
        events = network.train().epoch(learned)
        spent = found.seconds + time.perf_counter() - began
        found = Learned(found.events + events, spent, _recall(network.eval().scorer(), judged))
        rounds += 1
    return found, rounds


def _recall(score: Score, judged: Sessions) -> float:
    return figures(ranks(score, *judged.prefixes()))["recall@20"]
