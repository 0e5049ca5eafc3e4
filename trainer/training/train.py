"""One training run, from log files to a version in the registry."""

from dataclasses import replace
from typing import Any

from models.registry import registry
from models.registry.registry import Parts
from trainer.drift.drift import REFERENCE, reference
from trainer.logs import warnings
from trainer.loop.checkpoint import clear
from trainer.loop.progress import Report, begins
from trainer.loop.run_log import Journal
from trainer.training import refit
from trainer.training.build import choose, left
from trainer.training.kept_baselines import with_baselines
from trainer.training.learn import Learned, learn
from trainer.training.log_parts import Run, RunData, read_run
from trainer.training.run_verdict import verdict
from trainer.training.time_budget import ended_by_time
from trainer.training.training_inputs import TrainingInputs


def train(run: Run, created_at: int, report: Report) -> registry.Version:
    """Read the log, train, judge, save with `created_at` (epoch ms), and load the saved version as a check.

    Raises LogError, ExamplesError, WarmStartError, CheckpointError or RegistryError.
    """
    read = read_run(run)
    version = registry.load(run.registry / registry.save(run.registry, _made(run, read, report), created_at))
    if run.checkpoint:
        clear(run.checkpoint)
    return version


def _made(run: Run, read: RunData, report: Report) -> Parts:
    """The version; its metrics also describe its log, its lineage and the verdict."""
    inputs = _inputs(run, read, report)
    first = learn(inputs)
    again = refit.refit(first, inputs)
    report(begins("fitting trees, session kNN and their weights"))
    chosen = choose(first, inputs, left(run.options, first, again))
    chosen = replace(chosen, metrics=chosen.metrics | verdict(chosen, inputs))
    # The reference must come from clicks that were not trained on.
    kept: dict[str, Any] = {REFERENCE: reference(chosen, inputs.judged_on, run.options.ignored)}
    if again:
        report(begins("fitting trees and session kNN on the whole log"))
    parts = refit.refitted(chosen, again) if again else chosen
    if run.baselines:
        report(begins("training baselines"))
    parts = with_baselines(parts, inputs, again) if run.baselines else parts
    notes = _notes(parts, inputs, first, again)
    metrics = read.metrics | {"log": read.metrics["log"] | {"notes": read.metrics["log"]["notes"] + notes}}
    return replace(parts, metrics=parts.metrics | metrics | kept)


def _notes(parts: Parts, inputs: TrainingInputs, first: Learned, again: refit.Refit | None) -> list[str]:
    epochs = again.learned.epochs[0] if again else 0
    return [
        *warnings.fitted(parts.metrics["neural"]["brier"], inputs.judged_on),
        *ended_by_time(len(inputs.journal.curve), inputs.journal.seconds, inputs.options),
        *warnings.begun(inputs.start, inputs.judged_on),
        *warnings.refitted(inputs.options.refit, first.epochs[0], epochs),
    ]


def _inputs(run: Run, read: RunData, report: Report) -> TrainingInputs:
    journal = Journal(run.checkpoint)
    return TrainingInputs(read.learned, read.held_out, run.options, report, journal, read.start, read.content)


def follow(run: Run) -> None:
    """Take part in a distributed training as a process that does not save the version."""
    inputs = _inputs(run, read_run(run), lambda progress: None)
    refit.refit(learn(inputs), inputs)
