"""The search over settings: resumed where it stopped, given up where it is behind, read back by training."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from click.testing import CliRunner
from optuna.trial import TrialState

from deploy.cli import main
from tests.scoring import SHIPPED
from trainer.examples.examples import Examples
from trainer.experiments.tune import _OWN, SPACE, Search, TuneError, _pruned, toml, tune
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.options import Options, read
from trainer.loop.progress import Progress

TINY = Options(epochs=1, seconds=1e9, hidden=16, embedding=16, clicks_per_batch=512)
FIXED = ("hidden", "embedding", "clicks_per_batch")


@pytest.fixture(scope="module")
def examples() -> Examples:
    return replay_log(read_log([SHIPPED]).head(1_500)).examples()


def search(folder: Path, trials: int, **changes: object) -> Search:
    return replace(Search(TINY, trials, 1e9, f"sqlite:///{folder}/s.db", fixed=FIXED), **changes)


def test_the_space_is_of_settings_that_there_are() -> None:
    settings = asdict(Options())
    assert set(SPACE) <= set(settings) - _OWN
    for name, values in SPACE.items():
        assert values._contains(values.to_internal_repr(settings[name])), name


def test_a_search_goes_on_where_it_stopped(examples, tmp_path) -> None:
    first, later = [], []
    tune(examples, search(tmp_path, 1), first.append)
    best = tune(examples, search(tmp_path, 2), later.append)
    assert [trial.number for trial in (*first, *later)] == [0, 1]
    # It begins with the settings it was given.
    assert first[0].params["learning_rate"] == TINY.learning_rate
    assert later[0].params != first[0].params
    assert set(first[0].params) == set(SPACE) - set(FIXED)
    winner = min((*first, *later), key=lambda trial: trial.value)
    assert best.learning_rate == winner.params["learning_rate"]
    assert best.hidden == 16
    tune(examples, search(tmp_path, 2), later.append)
    assert len(later) == 1


def test_the_same_seed_searches_the_same(examples, tmp_path) -> None:
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        tune(examples, search(tmp_path / name, 2), found.append)
    assert [trial.params for trial in found[:2]] == [trial.params for trial in found[2:]]
    assert [trial.value for trial in found[:2]] == [trial.value for trial in found[2:]]


def test_another_log_is_refused(examples, tmp_path) -> None:
    tune(examples, search(tmp_path, 1), lambda trial: None)
    with pytest.raises(TuneError, match="give another --study or --storage"):
        tune(examples.part(np.arange(1000)), search(tmp_path, 2), lambda trial: None)
    with pytest.raises(TuneError, match="searched"):
        tune(examples, search(tmp_path, 2, fixed=()), lambda trial: None)


def test_no_time_and_no_place_are_explained(examples, tmp_path) -> None:
    with pytest.raises(TuneError, match="no trial of 'pathcast' was finished; give a longer --time-budget"):
        tune(examples, search(tmp_path, 1, seconds=0), lambda trial: None)
    with pytest.raises(TuneError, match="expected sqlite:///FILE"):
        tune(examples, search(tmp_path, 1, storage="sqlite:////nowhere/at/all.db"), lambda trial: None)


def test_a_trial_behind_the_median_is_given_up() -> None:
    study = optuna.create_study(pruner=optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=0))
    good = study.ask()
    _pruned(good)(Progress(1, 1, 9, 0.0, 0.9, 1.0, 0.5))
    study.tell(good, -1.7)
    bad = _pruned(study.ask())
    bad(Progress(0, 1, 9, 0.0, 0.5, float("nan"), 0.5))
    bad(Progress(1, 2, 9, 0.0, 0.5, 9.0, 0.5))
    with pytest.raises(optuna.TrialPruned):
        bad(Progress(1, 1, 9, 0.0, 0.5, 9.0, 0.5))


def test_what_it_writes_is_what_training_reads(tmp_path) -> None:
    found = replace(Options(), dropout=0.31, encoder="lstm", ignored=("hour",), seed=7, seconds=3.0)
    (tmp_path / "best.toml").write_text(toml(found, ("learning_rate",)))
    again = read(tmp_path / "best.toml", Options())
    assert again == replace(found, seed=Options().seed, seconds=Options().seconds)
    assert "learning_rate" in (tmp_path / "best.toml").read_text()


def test_the_command_prints_settings_for_training(tmp_path: Path) -> None:
    log = tmp_path / "log.parquet"
    read_log([SHIPPED]).head(1_500).sink_parquet(log)
    named = ["tune", "--events", str(log), "--trials", "1", "--storage", f"sqlite:///{tmp_path}/s.db"]
    held = [word for name in FIXED for word in ("--set", f"{name}={getattr(TINY, name)}")]
    done = CliRunner().invoke(main, [*named, "--set", "epochs=1", *held])
    assert done.exit_code == 0, done.output
    assert "trial 0: complete" in done.stderr
    (tmp_path / "best.toml").write_text(done.stdout)
    best = read(tmp_path / "best.toml", Options())
    assert (best.epochs, best.hidden, best.learning_rate) == (1, 16, Options().learning_rate)
    kept = optuna.load_study(study_name="pathcast", storage=f"sqlite:///{tmp_path}/s.db")
    assert [trial.state for trial in kept.trials] == [TrialState.COMPLETE]
