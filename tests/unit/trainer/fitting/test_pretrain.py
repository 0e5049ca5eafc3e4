"""Pretraining: it learns what it says, comes first, and goes on after a kill."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training import SMALL, same, small
from trainer.fitting.fit import Journal, Progress, fit
from trainer.fitting.pretrain import Pretext, stages

TASKS = ("causal", "masked")
MADE = small()


@pytest.mark.parametrize("task", TASKS)
def test_the_pretext_can_be_learned(task: str) -> None:
    options = replace(SMALL, pretrain=task, candidates=0, dropout=0.0, table_rate=0.0)
    pretext = Pretext(MADE.network(options), MADE.train, options)
    optimiser = torch.optim.Adam(pretext.parameters(), 0.01)
    chosen, losses = np.arange(60), []
    for _ in range(30):
        optimiser.zero_grad()
        loss = pretext(chosen)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_the_causal_task_needs_no_labels() -> None:
    options = replace(SMALL, pretrain="causal", dropout=0.0, candidates=0)
    pretext = Pretext(MADE.network(options), MADE.train, options).eval()
    before = pretext(np.arange(20)).item()
    unlabelled = torch.full_like(MADE.train.target, -1)
    pretext.data = MADE.train._replace(target=unlabelled, buys=torch.zeros_like(MADE.train.buys))
    assert pretext(np.arange(20)).item() == before
    lonely = np.flatnonzero(np.diff(MADE.train.bounds) == 1)[:3]
    assert len(lonely)
    assert pretext(lonely).item() == 0


@pytest.mark.parametrize("task", TASKS)
def test_pretraining_comes_first_and_changes_what_is_learned(task: str) -> None:
    options = replace(SMALL, epochs=1, pretrain=task, pretrain_epochs=2)
    journal, told = Journal(), []
    network = fit(MADE.network(options), MADE.train, MADE.valid, options, told.append, journal)
    assert [(point.stage, point.epoch) for point in journal.curve] == [
        ("pretraining", 0),
        ("pretraining", 1),
        ("training", 0),
    ]
    assert list(dict.fromkeys(at.stage for at in told)) == ["pretraining", "training"]
    plain = replace(SMALL, epochs=1)
    assert not same(network, fit(MADE.network(plain), MADE.train, MADE.valid, plain, told.append))


@pytest.mark.parametrize("stop", [("pretraining", 2), ("training", 3)])
def test_a_run_that_is_cut_off_in_either_stage_goes_on_to_the_same_bits(
    tmp_path: Path, stop: tuple[str, int]
) -> None:
    options = replace(SMALL, epochs=1, pretrain="masked", pretrain_epochs=1)

    def run(folder: Path | None, stop: tuple[str, int] | None):
        def report(at: Progress) -> None:
            if (at.stage, at.batch) == stop:
                raise KeyboardInterrupt

        journal = Journal(folder, every=0)
        network = fit(MADE.network(options), MADE.train, MADE.valid, options, report, journal)
        return network, journal.curve

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, stop)
    undisturbed, curve = run(None, None)
    continued, found = run(tmp_path, None)
    assert same(undisturbed, continued)
    assert [point.loss for point in found] == [point.loss for point in curve]


def test_the_stages_share_the_time() -> None:
    first, second = stages(replace(SMALL, epochs=9, pretrain_epochs=3, seconds=120))
    assert (first.epochs, first.seconds, second.epochs, second.seconds) == (3, 30, 9, 90)
