"""`pathcast models adapt`: an incremental update of the serving version."""

import math
from pathlib import Path
from typing import Any

import click

from deploy.commands.learning.registry_option import announce_option, registry_option
from deploy.terminal.log_options import ShopLog, log_options
from deploy.terminal.renamed_options import renamed_option
from trainer.defaults import IncrementalUpdate


class Rate(click.FloatRange):
    """A learning rate; unlike the range alone it refuses nan, which is neither above nor below a bound."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The rate. Fails if it is nan or out of range."""
        found = float(super().convert(value, param, ctx))
        if math.isnan(found):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return found


@click.command()
@registry_option
@log_options()
@renamed_option(
    "--learning-rate",
    old="--rate",
    type=Rate(0, 1, min_open=True),
    default=IncrementalUpdate().learning_rate,
    show_default=True,
    help="Learning rate of the update.",
)
@announce_option
def adapt(
    registry: Path,
    log: ShopLog,
    learning_rate: float,
    announce: bool,
) -> None:
    """Fine-tune and recalibrate the serving version on the sessions since its training; let the gate judge.

    The gate is the comparison with the serving version that a new one has to pass (docs/trainer/gate.md). The
    update learns from the older 70% of these sessions, and the gate judges on the newest 30%.
    """
    from deploy.runs.progress_bar import use_cores
    from deploy.runs.promotion_moves import promotions
    from deploy.runs.shadow_trial import trial
    from trainer.gate.gate_settings import GateSettings
    from trainer.training.adapt_live import UpdateSource
    from trainer.training.adapt_live import adapt as adapt_serving

    use_cores()
    examples = log.examples()
    moves = promotions(registry, announce, by="gate")
    settings, step = GateSettings(), IncrementalUpdate(learning_rate=learning_rate)
    live = trial(settings, lambda news: click.echo(news, err=True)) if announce else None
    report = adapt_serving(UpdateSource(examples, log.events), step, settings, moves, live)
    click.echo(f"{report.figures['candidate']} {report.figures['verdict']}: {report.verdict.reason}")
