"""Learning once more from the whole log: what is chosen stays, all else is of all clicks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import lightgbm
import numpy as np
import pytest
import torch

from deploy.runs.training_run import maker
from models.contract.head_table import Layout
from models.network.heads import HeadModule
from models.registry.registry import load
from models.state.codes import items
from tests.scoring import SHIPPED
from tests.training import SMALL, same
from trainer.baselines import Baselines
from trainer.baselines.intent import INTENT
from trainer.drift.drift import REFERENCE
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.fitting.head_losses import calibrate_like
from trainer.logs import warnings
from trainer.logs.lineage import LEARNED_UNTIL
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.checkpoint import clear
from trainer.loop.progress import STAGE, Point, Progress, best
from trainer.loop.run_log import Journal
from trainer.settings import TrainerSettings
from trainer.training import learn as learning
from trainer.training import refit
from trainer.training.adapt import IncrementalUpdate, fresh, incremental_update
from trainer.training.build import build, choose
from trainer.training.learn import Learned, learn
from trainer.training.log_counts import index
from trainer.training.log_parts import Run
from trainer.training.train import train
from trainer.training.training_inputs import TrainingInputs

OPTIONS = replace(SMALL, epochs=2)


def silent(progress: Progress) -> None:
    pass


@pytest.fixture(scope="module")
def log() -> Examples:
    return replay_log(read_log([SHIPPED]).head(6000)).examples()


@pytest.fixture(scope="module")
def parts(log: Examples) -> tuple[Examples, Examples]:
    learned, valid = split(log, (0.8, 0.2))
    return learned, valid


@pytest.fixture(scope="module")
def first(parts: tuple[Examples, Examples]) -> Learned:
    return learn(TrainingInputs(*parts, OPTIONS, silent))


@pytest.fixture(scope="module")
def made(first: Learned, parts: tuple[Examples, Examples]) -> refit.Refit:
    found = refit.refit(first, TrainingInputs(*parts, OPTIONS, silent))
    assert found is not None
    return found


def test_two_parts_make_the_log_that_they_are_of(log: Examples, parts: tuple[Examples, Examples]) -> None:
    joined = refit.together(*parts)
    assert len(joined) == len(log)
    assert (np.diff(joined.ts) >= 0).all()
    for session in np.unique(log.session)[:200]:
        np.testing.assert_array_equal(
            joined.codes[joined.session == session], log.codes[log.session == session]
        )


def test_it_knows_what_is_in_the_newest_clicks(first, made, parts) -> None:
    newest = np.unique(items(parts[1].codes))
    new = newest[(newest != 0) & ~np.isin(newest, items(parts[0].codes))]
    assert len(new)
    assert (first.words.lookup(new) < 0).all()
    assert (made.learned.words.lookup(new) >= 0).all()


def test_its_weights_are_those_of_the_whole_log_alone(first, made, parts) -> None:
    alone = learn(TrainingInputs(refit.together(*parts), None, OPTIONS, silent), first)
    assert torch.equal(alone.network.table.weight, made.learned.network.table.weight)
    assert made.learned.epochs == first.epochs


def test_its_calibration_and_its_heads_are_those_that_validation_chose(first, made, parts) -> None:
    version = refit.refitted(choose(first, TrainingInputs(*parts, OPTIONS, silent)), made)
    own, chosen = version.network, first.network
    assert own.config.tasks == chosen.config.tasks
    assert torch.equal(own.calibration, chosen.calibration)
    assert torch.equal(own.tasks.lines, chosen.tasks.lines)
    assert not torch.equal(own.calibration, torch.tensor([[1.0, 0.0]]).expand_as(own.calibration))


def test_a_version_keeps_what_was_chosen_and_learns_the_rest_anew(first, made, parts) -> None:
    chosen = choose(first, TrainingInputs(*parts, OPTIONS, silent))
    version = refit.refitted(chosen, made)
    assert version.metrics["neural"] == chosen.metrics["neural"]
    assert version.metrics["threshold"] == chosen.metrics["threshold"]
    assert version.metrics["learned again"] == {"clicks": len(made.every), "epochs": first.epochs[0]}
    assert version.blend == chosen.blend
    expected = index(made.every, made.learned.words, chosen.settings)
    np.testing.assert_array_equal(version.index.items, expected.items)
    assert len(version.popularity) == len(version.vocabulary.ids) > len(chosen.vocabulary.ids)
    assert version.rates != chosen.rates
    if chosen.forest and version.forest:
        assert version.forest.state["weights"] == chosen.forest.state["weights"]
        assert version.forest.state["trees"] != chosen.forest.state["trees"]


@pytest.mark.parametrize(
    "changes", [{"refit": False}, {"seconds": 0.0}], ids=["not asked for", "no time left"]
)
def test_without_it_a_version_is_what_was_chosen(first, parts, changes) -> None:
    assert refit.refit(first, TrainingInputs(*parts, replace(OPTIONS, **changes), silent)) is None


def test_it_takes_no_more_than_what_is_left_of_the_time(first, parts) -> None:
    slow = first._replace(seconds=100.0)
    assert refit.refit(slow, TrainingInputs(*parts, replace(OPTIONS, seconds=224.0), silent)) is None
    assert refit.refit(slow, TrainingInputs(*parts, replace(OPTIONS, seconds=226.0), silent)) is not None
    taught = replace(OPTIONS, seconds=113.0, teacher_width=24)
    assert taught.networks == 2
    assert refit.refit(slow._replace(epochs=(1, 1)), TrainingInputs(*parts, taught, silent)) is not None


def test_who_asked_for_it_hears_why_it_was_left_out() -> None:
    assert warnings.refitted(True, 3, 3) == warnings.refitted(False, 3, 0) == []
    (note,) = warnings.refitted(True, 3, 0)
    assert "had too little" not in note
    assert "too little of the time was left" in note
    (note,) = warnings.refitted(True, 3, 2)
    assert "cut after 2 of 3 epochs" in note


def test_the_best_epoch_is_the_one_whose_weights_are_kept() -> None:
    curve = [Point("pretraining", 0, 1.0, 0.0, 1.0)]
    curve += [
        Point(STAGE, at, 1.0, loss, auc) for at, (loss, auc) in enumerate([(9, 0.5), (8, 0.9), (8, 0.6)])
    ]
    assert best(curve).epoch == 1
    nothing = [Point(STAGE, at, 1.0, float("nan"), 0.5) for at in range(3)]
    assert best([*nothing[:1], *curve[2:]]).epoch == 1
    assert best(nothing).epoch == 2


class Killed(Exception):
    pass


def killing(stage: str, batch: int) -> Callable[[Progress], None]:
    def report(at: Progress) -> None:
        if at.stage == stage and at.epoch == 1 and at.batch == batch:
            raise Killed

    return report


def test_seconds_before_a_kill_count(parts, tmp_path: Path) -> None:
    journal = Journal(tmp_path, every=0.0)
    learned = learn(TrainingInputs(*parts, OPTIONS, silent, journal))
    assert learned.seconds == journal.seconds > 0
    again = learn(TrainingInputs(*parts, OPTIONS, silent, Journal(tmp_path, every=0.0)))
    assert again.seconds == pytest.approx(learned.seconds, rel=0.2)
    assert (
        refit.refit(again, TrainingInputs(*parts, replace(OPTIONS, seconds=2 * learned.seconds), silent))
        is None
    )


def test_each_teacher_learns_again_for_its_own_epochs(parts, monkeypatch) -> None:
    options = replace(OPTIONS, teacher_width=24, epochs=3)
    first = learn(TrainingInputs(*parts, options, silent))._replace(epochs=(1, 3))
    lasted: dict[int, int] = {}
    fit = learning.fit

    def watched(network, data, valid, how, *rest):
        lasted[how.hidden] = how.epochs
        return fit(network, data, valid, how, *rest)

    monkeypatch.setattr(learning, "fit", watched)
    made = refit.refit(first, TrainingInputs(*parts, options, silent))
    assert made is not None
    assert made.learned.epochs == (1, 3)
    assert lasted == {16: 1, 24: 3}


def test_a_rating_keeps_the_scale_that_its_head_has_learned_by() -> None:
    layout = Layout.of([("purchase_24h", ()), ("rating", ())])
    one, other = (HeadModule(layout, 4, 4, 0.0) for _ in range(2))
    one.lines[:], other.lines[:] = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    calibrate_like(one, other)
    lines = {part.head.name: one.lines[number].tolist() for number, part in enumerate(layout.parts)}
    assert lines == {"purchase_24h": [3.0, 4.0], "rating": [1.0, 2.0]}


def test_a_step_is_judged_by_clicks_that_no_training_knows(log: Examples) -> None:
    began = np.sort(np.unique(log.ts[np.unique(log.session, return_index=True)[1]]))
    until = int(began[len(began) // 2])
    found = fresh({LEARNED_UNTIL: until}, log, IncrementalUpdate(calibrating_clicks=10**6))
    first = log.ts[np.unique(log.session, return_index=True)[1]]
    assert len(np.unique(found.session)) == int((first > until).sum())
    assert len(fresh({}, log, IncrementalUpdate(calibrating_clicks=10**6))) == len(log)


def test_a_step_with_few_buyers_keeps_its_calibration(first, parts) -> None:
    # Trees that serve alone have the same calibration before and after.
    chosen = choose(first, TrainingInputs(*parts, replace(OPTIONS, trees="none"), silent))
    made = incremental_update(
        chosen, parts[1], refit.together(*parts), OPTIONS, IncrementalUpdate(min_buyers=10**6)
    )
    assert torch.equal(made.network.calibration, chosen.network.calibration)
    other = incremental_update(
        chosen, parts[1], refit.together(*parts), OPTIONS, IncrementalUpdate(min_buyers=1)
    )
    assert not torch.equal(other.network.calibration, chosen.network.calibration)


@pytest.mark.parametrize("stage", [STAGE, refit.STAGE])
def test_a_run_killed_in_either_stage_goes_on_to_the_same_bits(parts, tmp_path: Path, stage: str) -> None:
    options = replace(OPTIONS, trees="none", blend="none")
    undisturbed = build(*parts, options, silent)
    journal = Journal(tmp_path, every=0.0)
    with pytest.raises(Killed):
        build(*parts, options, killing(stage, 3), journal)
    made = build(*parts, options, silent, Journal(tmp_path, every=0.0))
    assert same(made.network, undisturbed.network)
    clear(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def baselines(parts: tuple[Examples, Examples]) -> Baselines:
    return Baselines.learn(*parts)


def test_baselines_learn_again_with_what_was_chosen_for_them(baselines, parts, made) -> None:
    again = baselines.refit(refit.together(*parts), made.learned.words).state
    known, found = baselines.state["intent"], again["intent"]
    assert list(found) == list(known)
    assert again["thresholds"] == baselines.state["thresholds"]
    assert again["next_item"]["count"] == len(made.learned.words.ids)
    trees = [lightgbm.Booster(model_str=one["lightgbm"]["trees"]) for one in (known, found)]
    assert trees[0].num_trees() == trees[1].num_trees()
    for name, chosen in (
        ("lightgbm", "slope"),
        ("rnn", "epochs"),
        ("mlp", "shift"),
        ("naive_bayes", "scale"),
    ):
        assert found[name][chosen] == known[name][chosen]


@pytest.mark.parametrize("name", sorted(INTENT))
def test_a_baseline_that_learns_again_from_the_same_is_the_same(baselines, parts, name) -> None:
    learned, later = parts[0].grouped(), parts[1].grouped()
    again = baselines.refit(parts[0]).state["intent"][name]
    chances = INTENT[name].predict
    if name not in ("rnn", "mlp", "lightgbm"):
        np.testing.assert_array_equal(chances(again, later), chances(baselines.state["intent"][name], later))
    else:
        # Their best epoch or round is what validation chose, from the same beginning.
        np.testing.assert_allclose(
            chances(again, learned), chances(baselines.state["intent"][name], learned), atol=1e-6
        )


def test_what_is_saved_was_learned_from_all_clicks(tmp_path: Path) -> None:
    file = tmp_path / "log.parquet"
    read_log([SHIPPED]).head(4000).sink_parquet(file)
    version = train(Run([file], tmp_path / "registry", options=OPTIONS, baselines=True), 0, silent)
    said = load(version.path).metrics
    assert said["learned again"]["clicks"] == said["clicks"]["train"] + said["clicks"]["valid"]
    assert version.baselines["next_item"]["count"] == len(version.vocabulary.ids)
    # What drift is compared with was not learned from.
    assert said[REFERENCE]["new_items"] > 0
    assert said[LEARNED_UNTIL] == said["lineage"]["clicks"]["last_session"]
    assert not [note for note in said["log"]["notes"] if "--time-budget" in note]


def test_who_begins_with_a_version_that_knows_the_answers_hears_of_it(parts) -> None:
    held_out = parts[1]
    newest = int(held_out.ts.max())
    for metrics, count in (
        ({LEARNED_UNTIL: newest, "lineage": {"clicks": {"last_session": newest}}}, len(held_out)),
        ({"lineage": {"clicks": {"last_session": newest}}}, 0),
        ({LEARNED_UNTIL: int(held_out.ts.min()) - 1}, 0),
    ):
        said = warnings.begun(SimpleNamespace(id="before", metrics=metrics), held_out)
        assert len(said) == (count > 0)
        assert not count or f"before has learned from {count:,} of the {count:,} newest clicks" in said[0]
    assert warnings.begun(None, held_out) == []


def test_runs_that_begin_with_what_serves_do_not_learn_again(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATHCAST_TRAINER_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("PATHCAST_TRAINER_WORKDIR", str(tmp_path / "work"))
    for warm in (True, False):
        assert maker(TrainerSettings(warm=warm)).recipe.options.refit is not warm
