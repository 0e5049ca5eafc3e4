"""`pathcast models adapt`: the serving version a small step further."""

import math
from pathlib import Path
from typing import Any

import click

from deploy.commands.learning.registry_option import registry_option
from deploy.terminal.event_map_option import event_map_option
from deploy.terminal.log_options import FILE, mapping_option
from models.contract.aliases import EventNames
from trainer.defaults import Step


class Rate(click.FloatRange):
    """A learning rate; the range alone lets through what is no number, for that is on neither side of it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The rate, or a usage error."""
        found = float(super().convert(value, param, ctx))
        if math.isnan(found):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return found


@click.command()
@registry_option
@click.option("--events", multiple=True, required=True, type=FILE, help="The log, with its newest clicks.")
@click.option("--items", type=FILE, help="Catalogue: fills category, brand and price of events.")
@mapping_option
@event_map_option
@click.option(
    "--rate",
    type=Rate(0, 1, min_open=True),
    default=Step().learning_rate,
    show_default=True,
    help="Learning rate of the step.",
)
@click.option(
    "--announce/--no-announce", "told", default=True, help="Tell the workers, or only enter it in the ledger."
)
def adapt(
    registry: Path,
    events: tuple[Path, ...],
    items: Path | None,
    mapping: dict[str, str],
    names: EventNames,
    rate: float,
    told: bool,
) -> None:
    """Fine-tune and recalibrate the serving version on the sessions since it was made, and ask the gate.

    The gate is the comparison with the version in use that a new one has to pass (docs/trainer/gate.md).
    The older 70% of them are learned from, the newest 30% judge.
    """
    from deploy.runs.progress_bar import use_cores
    from deploy.runs.promotion_moves import promotions
    from deploy.runs.shadow_trial import trial
    from trainer.gate.gate_settings import GateSettings
    from trainer.logs.catalogue_file import catalogue
    from trainer.logs.log_files import read_log
    from trainer.logs.log_replay import walk
    from trainer.logs.reading import reading
    from trainer.training.adapt_live import UpdateSource
    from trainer.training.adapt_live import adapt as adapt_serving

    use_cores()
    with reading(events):
        examples = walk(read_log(events, mapping, names), catalogue(items)).examples()
    moves = promotions(registry, told, by="gate")
    settings, step = GateSettings(), Step(learning_rate=rate)
    live = trial(settings, lambda news: click.echo(news, err=True)) if told else None
    report = adapt_serving(UpdateSource(examples, events), step, settings, moves, live)
    click.echo(f"{report.figures['candidate']} {report.figures['verdict']}: {report.verdict.reason}")
