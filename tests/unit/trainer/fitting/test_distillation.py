"""Several networks taught into one."""

from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from models.network.network import Network
from tests.scoring import SHIPPED
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.fitting.distillation import LISTED, TOLD, taught
from trainer.fitting.losses import listwise
from trainer.fitting.warm_start import WarmStartError
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.checkpoint import clear
from trainer.loop.data import Data, prepare
from trainer.loop.options import Options
from trainer.loop.run_log import Journal
from trainer.training import learn as learning
from trainer.training.training_inputs import TrainingInputs

OPTIONS = Options(epochs=1, seconds=1e9, embedding=16, hidden=16, heads_weight=0)


@pytest.fixture(scope="module")
def parts() -> tuple[Examples, Examples]:
    learned, valid = split(replay_log(read_log([SHIPPED]).head(4000)).examples(), (0.8, 0.2))
    return learned, valid


def network(parts: tuple[Examples, Examples], **changes: object) -> Network:
    options = Options(**{**{name: getattr(OPTIONS, name) for name in OPTIONS.__slots__}, **changes})
    return learning.learn(TrainingInputs(*parts, options, lambda progress: None)).network


@pytest.fixture(scope="module")
def members(parts) -> tuple[list[Network], Data]:
    made = learning.learn(TrainingInputs(*parts, OPTIONS, lambda progress: None))
    return [made.network, network(parts, seed=5)], prepare(parts[0], made.words, OPTIONS.longest)


def test_what_is_taught_is_the_mean_of_the_members(members) -> None:
    networks, data = members
    made = taught(networks, data, 512)
    assert made.soft is not None
    first, length = 0, int(data.bounds[1])
    rows = data.rows[first:length][None]
    with torch.no_grad():
        hidden = [one.encode(rows)[0] for one in networks]
        items = sum(torch.softmax(one.next_item(h), -1) for one, h in zip(networks, hidden, strict=True)) / 2
        chances = sum(
            torch.sigmoid(one.purchase(h, data.features[first:length]))
            for one, h in zip(networks, hidden, strict=True)
        )
    best = items.topk(LISTED)
    np.testing.assert_array_equal(made.soft.items[first:length], best.indices)
    np.testing.assert_allclose(
        made.soft.shares[first:length], best.values / best.values.sum(1, keepdim=True), rtol=1e-4
    )
    expected = (1 - TOLD) * data.buys[first:length] + TOLD * chances / 2
    np.testing.assert_allclose(made.buys[first:length], expected, rtol=1e-4)
    np.testing.assert_allclose(made.soft.shares.sum(1), 1, rtol=1e-4)


def test_the_listwise_loss_is_least_where_the_student_is_the_teacher(members) -> None:
    networks, data = members
    made = taught(networks[:1], data, 512)
    assert made.soft is not None
    clicks = torch.arange(int(data.bounds[1]))
    with torch.no_grad():
        losses = [
            listwise(one.eval(), one.encode(data.rows[clicks][None])[0], made.soft, clicks)
            for one in networks
        ]
        entropy = -(made.soft.shares[clicks] * made.soft.shares[clicks].log()).sum(1).mean()
    assert losses[0] == pytest.approx(float(entropy), abs=1e-4)
    assert losses[1] > losses[0]


def test_an_ensemble_makes_another_network_and_the_same_one_again(parts, tmp_path) -> None:
    alone, one = network(parts), network(parts, ensemble=2)
    options = Options(epochs=1, seconds=1e9, embedding=16, hidden=16, heads_weight=0, ensemble=2)
    journal = Journal(tmp_path / "run")
    again = learning.learn(TrainingInputs(*parts, options, lambda progress: None, journal)).network
    same = [torch.equal(a, b) for a, b in zip(one.parameters(), again.parameters(), strict=True)]
    assert all(same)
    assert not torch.equal(alone.table.weight, one.table.weight)
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"member-1", "member-2"}


def test_a_narrow_network_can_be_taught_by_a_wide_one(parts, monkeypatch) -> None:
    trained, fit = [], learning.fit
    monkeypatch.setattr(
        learning, "fit", lambda network, *rest: trained.append(network) or fit(network, *rest)
    )
    alone, taught = network(parts), network(parts, teacher_width=24)
    assert [one.config.hidden for one in trained] == [16, 24, 16]
    assert taught.config == alone.config
    assert not torch.equal(alone.table.weight, taught.table.weight)


def test_a_wide_teacher_begins_anew_where_the_taught_one_begins_with_a_version(parts) -> None:
    options = Options(**{**asdict(OPTIONS), "teacher_width": 24, "freeze": ("encoder",)})
    start = learning.learn(TrainingInputs(*parts, OPTIONS, lambda progress: None))
    version = SimpleNamespace(id="start", network=start.network, vocabulary=start.words, metrics={})
    made = learning.learn(TrainingInputs(*parts, options, lambda progress: None, start=version))
    count = len(start.words.ids)
    assert made.metrics["started from"] == {"version": "start", "known items": count, "items": count}
    for name, value in start.network.encoder.named_parameters():
        assert torch.equal(value, made.network.encoder.get_parameter(name))


def test_what_the_taught_one_cannot_begin_with_is_said_before_anybody_has_learned(parts, monkeypatch) -> None:
    monkeypatch.setattr(learning, "fit", lambda *_: pytest.fail("somebody has learned"))
    with pytest.raises(WarmStartError, match="nothing was learned before"):
        network(parts, teacher_width=24, freeze=("encoder",))


def test_the_teachers_checkpoints_go_with_the_run(parts, tmp_path) -> None:
    options = Options(**{**asdict(OPTIONS), "ensemble": 2})
    learning.learn(TrainingInputs(*parts, options, lambda progress: None, Journal(tmp_path)))
    assert [*tmp_path.glob("member-*/*")]
    clear(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    other = Options(**{**asdict(options), "seed": 7})
    learning.learn(TrainingInputs(*parts, other, lambda progress: None, Journal(tmp_path)))
