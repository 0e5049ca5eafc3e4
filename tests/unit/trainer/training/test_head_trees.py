"""Trees of further heads: tried on validation, kept where they are better, learned again on the whole log."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.registry.registry import Parts
from tests.scoring import SHIPPED
from tests.scoring import parts as version_parts
from tests.training import SMALL
from trainer.evaluation.evaluate import answers, tiers
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.fitting import head_blend
from trainer.fitting.fit import initial
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.data import prepare
from trainer.loop.targets import HeadPlan, plan
from trainer.training import head_trees
from trainer.training.log_counts import vocabulary as counted


@pytest.fixture(scope="module")
def log() -> list[Examples]:
    return split(replay_log(read_log([SHIPPED]).head(15_000)).examples(), (0.7, 0.3))


def untrained(train: Examples) -> Parts:
    """A version whose network has learned nothing."""
    words, weights = counted(train)
    planned = plan(train, 7.0)
    data = prepare(train, words, SMALL.longest, planned)
    network = initial(words, weights, data, SMALL, planned).eval().requires_grad_(False)
    return replace(version_parts(words), network=network)


@pytest.fixture(scope="module")
def chosen(log: list[Examples]) -> Parts:
    return head_trees.chosen(untrained(log[0]), *log, SMALL)


def test_an_untrained_network_needs_trees(chosen: Parts, log: list[Examples]) -> None:
    assert chosen.head_forests is not None
    tried = chosen.metrics[head_trees.HEAD_TREES]
    assert "next_event" in chosen.head_forests.state["heads"]
    for name, trial in tried.items():
        assert trial["kept"] == (name in chosen.head_forests.state["heads"])
    assert tried["next_event"]["both"] < 0.9 * tried["next_event"]["network"]
    grouped = log[1].grouped()
    found, alone = (
        answers(tiers(parts)["neural"], grouped).tasks
        for parts in (chosen, replace(chosen, head_forests=None))
    )
    part = chosen.network.tasks.layout["next_event"]
    assert np.abs(found[:, part.answers] - alone[:, part.answers]).max() > 0.05


def test_trees_that_save_too_little_are_left_out(
    log: list[Examples], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_blend, "WORTH", 0.999)
    version = untrained(log[0])
    lines = version.network.tasks.lines.clone()
    made = head_trees.chosen(version, *log, SMALL)
    assert made.head_forests is None
    assert not any(trial["kept"] for trial in made.metrics[head_trees.HEAD_TREES].values())
    assert torch.equal(made.network.tasks.lines, lines)


def test_a_refit_learns_the_same_heads_again(chosen: Parts, log: list[Examples]) -> None:
    again = head_trees.refit(chosen, log[1].grouped())
    assert again is not None
    assert again.state["heads"].keys() == chosen.head_forests.state["heads"].keys()
    for name, head in again.state["heads"].items():
        before = chosen.head_forests.state["heads"][name]
        assert head["weights"] == before["weights"]
        assert head["trees"] != before["trees"]
    assert head_trees.refit(replace(chosen, head_forests=None), log[1].grouped()) is None


def test_another_network_is_calibrated_with_the_trees(chosen: Parts, log: list[Examples]) -> None:
    other = untrained(log[0]).network
    before = other.tasks.lines.clone()
    head_trees.calibrate(chosen, other, log[1], SMALL)
    assert not torch.equal(other.tasks.lines, before)
    head_trees.calibrate(replace(chosen, head_forests=None), other, log[1], SMALL)


def test_a_version_without_heads_stays_as_it_is(log: list[Examples]) -> None:
    plain = version_parts(counted(log[0])[0])
    assert HeadPlan.of(plain.network.config).tasks == ()
    assert head_trees.chosen(plain, *log, SMALL) is plain
