"""Search over training settings with optuna (Akiba et al. 2019): resumable, bounded, on validation data only.

A tree-structured Parzen estimator (Bergstra et al. 2011) proposes trials. A trial that is worse than the
median of the others after an epoch is pruned. The objective is the one that early stopping uses.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from models.errors import PathcastError
from trainer.examples.examples import Examples
from trainer.examples.split import split
from trainer.fitting.fit import Journal, fit, initial
from trainer.loop.data import prepare
from trainer.loop.options import Options
from trainer.loop.progress import STAGE, Progress, best, score
from trainer.training.log_counts import vocabulary
from trainer.training.log_parts import SHARES

#: Settings that are searched, by their names in `Options`. To search another one, add one line.
SPACE: Mapping[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(5e-4, 8e-3, log=True),
    "table_rate": FloatDistribution(0.02, 0.5, log=True),
    "weight_decay": FloatDistribution(1e-3, 0.2, log=True),
    "warm_up": FloatDistribution(0.0, 0.3),
    "intent_weight": FloatDistribution(1.0, 20.0, log=True),
    "dropout": FloatDistribution(0.0, 0.5),
    "cosine": FloatDistribution(8.0, 24.0),
    "power": FloatDistribution(0.25, 1.0),
    "clicks_per_batch": CategoricalDistribution((256, 512, 1024)),
    "embedding": CategoricalDistribution((32, 64, 96, 128)),
    "hidden": CategoricalDistribution((32, 64, 96, 128)),
}
#: Settings that belong to a run and are not searched or written.
_OWN = frozenset({"seed", "seconds", "device"})
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


class TuneError(PathcastError):
    """A search cannot start or continue."""


@dataclass(frozen=True)
class Search:
    """How to search: total number of trials, seconds, where the study is stored, and settings that are not
    searched.
    """

    options: Options
    trials: int
    seconds: float
    storage: str
    study: str = "pathcast"
    fixed: tuple[str, ...] = ()

    @property
    def space(self) -> dict[str, BaseDistribution]:
        """The searched settings with their distributions."""
        return {name: values for name, values in SPACE.items() if name not in self.fixed}


def tune(examples: Examples, search: Search, told: Callable[[FrozenTrial], None]) -> Options:
    """The best settings so far, including trials of an earlier run of the study. `told` is called after every
    trial.

    Raises TuneError if the study cannot be used, or no trial was completed in time.
    """
    learned, valid = split(examples, SHARES)
    study, began = _study(search, f"{len(learned)} and {len(valid)} clicks"), time.monotonic()
    while _count(study) < search.trials:
        left = search.seconds - (time.monotonic() - began)
        if left <= 0:
            break
        trial = study.ask(search.space)
        options = replace(search.options, **trial.params)
        state, value = TrialState.FAIL, None
        try:
            value = _run(trial, learned, valid, replace(options, seconds=min(options.seconds, left)))
            state = TrialState.COMPLETE
        except optuna.TrialPruned:
            state = TrialState.PRUNED
        finally:
            told(study.tell(trial, value, state=state))
    if not study.get_trials(states=(TrialState.COMPLETE,)):
        raise TuneError(f"no trial of {search.study!r} was finished; give a longer --time-budget")
    return replace(search.options, **study.best_params)


def _study(search: Search, log: str) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1)
    try:
        study = optuna.create_study(
            storage=search.storage, study_name=search.study, pruner=pruner, load_if_exists=True
        )
    except (SQLAlchemyError, ValueError, ImportError) as error:
        raise TuneError(f"{search.storage} cannot be used ({error}); expected sqlite:///FILE") from error
    known = {"log": log, "searched": sorted(search.space)}
    before = study.user_attrs or known
    if before != known:
        raise TuneError(
            f"study {search.study!r} of {search.storage} is about {json.dumps(before)}, not about "
            f"{json.dumps(known)}; give another --study or --storage"
        )
    for key, value in known.items():
        study.set_user_attr(key, value)
    # A resumed sampler must not repeat its first proposals, so its seed depends on the number of trials.
    study.sampler = optuna.samplers.TPESampler(seed=search.options.seed + len(study.trials))
    if not study.trials:
        study.enqueue_trial({name: asdict(search.options)[name] for name in search.space})
    return study


def _count(study: optuna.Study) -> int:
    return len(study.get_trials(deepcopy=False, states=FINISHED))


def _run(trial: optuna.Trial, learned: Examples, valid: Examples, options: Options) -> float:
    """The best epoch's validation score: next-item loss minus three times the AUC of intent."""
    words, weights = vocabulary(learned)
    data, judged = (prepare(part, words, options.longest) for part in (learned, valid))
    journal = Journal()
    fit(initial(words, weights, data, options), data, judged, options, _pruned(trial), journal)
    best_point = best(journal.curve)
    return score(best_point.next_loss, best_point.auc)


def _pruned(trial: optuna.Trial) -> Callable[[Progress], None]:
    """Receives the training's progress; prunes the trial when a completed epoch is bad enough."""

    def report(at: Progress) -> None:
        if at.stage == STAGE and at.epoch and at.batch == 1:
            trial.report(score(at.next_loss, at.auc), at.epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

    return report


def toml(options: Options, names: Sequence[str]) -> str:
    """The settings as `pathcast train --config` reads them: those in `names`, and all that are not
    defaults.
    """
    defaults = asdict(Options())
    written = {
        name: value
        for name, value in asdict(options).items()
        if name not in _OWN and (name in names or value != defaults[name])
    }
    return "".join(f"{name} = {_literal(value)}\n" for name, value in written.items())


def _literal(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value)
