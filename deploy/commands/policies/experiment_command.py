"""`pathcast experiment`: start, judge and stop experiments on decisions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from deploy.cluster.actions_text import own_actions, text_of
from deploy.commands.policies.finite_range import FiniteRange
from deploy.commands.policies.intent_values_command import values
from deploy.terminal.help_pages import Group
from deploy.terminal.log_options import FILE
from deploy.terminal.out_file import OUT, writing
from models.durations import HOUR_MS

if TYPE_CHECKING:
    from models.experiments.experiment import Experiment
    from trainer.ab_tests.experiment_visitors import Visitors

actions_option = click.option(
    "--actions", type=FILE, help="Actions file of the workers  [PATHCAST_ACTIONS, else the shipped one]."
)


@click.group(cls=Group)
def command() -> None:
    """Start, judge and stop experiments on decisions.

    An experiment shares visitors out among arms, each with a policy or an actions file of its own. Its
    figures may be looked at as often as one likes (docs/policies/experiments.md).
    """


command.add_command(values)


@command.command()
@click.argument("file", type=FILE)
@actions_option
@click.option("--dry-run", is_flag=True, help="Only check the file; start nothing.")
def start(file: Path, actions: Path | None, dry_run: bool) -> None:
    """Start the experiment that FILE (TOML) defines, on all workers."""
    from deploy.cluster.clients import connection
    from deploy.cluster.experiments_topic import known_experiments, publish_experiment
    from deploy.cluster.records import now_ms
    from deploy.runs.experiment_versions import finder
    from models.experiments.definition_file import check_beside, read_definition
    from streams.config.topics import TopicNames

    def read(path: str) -> str:
        return text_of(file.parent / path)

    find = finder(publish=not dry_run)
    made = read_definition(text_of(file), now_ms(), own_actions(actions), read, find)
    arms = ", ".join(f"{arm.name} {arm.weight:.4g}" for arm in made.arms)
    if dry_run:
        click.echo(f"{made.name} at placement {made.placement} could start: {arms}")
        return
    to, topic = connection(), TopicNames().experiments
    check_beside(made, known_experiments(to, topic))
    publish_experiment(to, topic, made)
    click.echo(f"{made.name} started at placement {made.placement}: {arms}")


@command.command()
@click.argument("name")
def stop(name: str) -> None:
    """Stop the experiment NAME: no further decision names it; its figures and its name are kept."""
    from deploy.cluster.clients import connection
    from deploy.cluster.experiments_topic import experiment_named, known_experiments, publish_experiment
    from deploy.cluster.records import now_ms
    from models.experiments.experiment import ExperimentError
    from streams.config.topics import TopicNames

    to, topic = connection(), TopicNames().experiments
    found = experiment_named(known_experiments(to, topic), name)
    if not found.running:
        raise ExperimentError(f"experiment {name} has been stopped already; nothing changes")
    publish_experiment(to, topic, msgspec.structs.replace(found, stopped_at=now_ms()))
    click.echo(f"{name} stopped")


@command.command()
@click.argument("name", required=False)
@actions_option
@click.option(
    "--metric",
    type=click.Choice(["conversion", "value", "cost", "net"]),
    default="net",
    show_default=True,
    help="What the sentence, the uplift and the picture are about.",
)
@click.option(
    "--window-hours",
    type=FiniteRange(0, 24 * 90, min_open=True),
    default=24.0,
    show_default=True,
    help="Outcomes count for so long after a visitor's first decision.",
)
@click.option(
    "--planned",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="Visitors at which intervals are to be narrowest.",
)
@click.option(
    "--margin",
    type=FiniteRange(0, 1),
    default=1.0,
    show_default=True,
    help="Share of money that counts in `net`.",
)
@click.option("--json", "out", type=OUT, help="Write all figures to this file.")
@click.option("--picture", type=OUT, help="Draw the figures into this file (SVG).")
@click.option("--decisions", type=FILE, help="Decisions as JSON lines  [the topic ad-decisions].")
@click.option("--clicks", type=FILE, help="Clicks as JSON lines  [the topic clicks].")
def status(
    name: str | None,
    actions: Path | None,
    metric: str,
    window_hours: float,
    planned: int,
    margin: float,
    out: Path | None,
    picture: Path | None,
    decisions: Path | None,
    clicks: Path | None,
) -> None:
    """List all experiments, or show the figures of the experiment NAME."""
    from deploy.cluster.clients import connection
    from deploy.cluster.experiments_topic import experiment_named, known_experiments
    from deploy.commands.policies import experiment_tables
    from streams.config.topics import TopicNames
    from trainer.ab_tests.experiment_report import report

    known = known_experiments(connection(), TopicNames().experiments)
    if name is None:
        experiment_tables.print_list(known)
        return
    experiment = experiment_named(known, name)
    window = int(window_hours * HOUR_MS)
    visitors = _visitors(experiment, own_actions(actions), decisions, clicks, window, margin)
    found = report(experiment, visitors, metric, planned)
    experiment_tables.print_report(found)
    if out is not None:
        with writing(out):
            out.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2))
    if picture is not None:
        from trainer.ab_tests.experiment_picture import picture as drawn

        with writing(picture):
            picture.write_bytes(drawn(found, visitors, metric, planned))


def _visitors(
    experiment: Experiment, own: str, decisions: Path | None, clicks: Path | None, window: int, margin: float
) -> Visitors:
    from deploy.runs import experiment_outcomes as outcomes
    from models.decisions.actions import ActionSet
    from models.experiments.definition_file import own_at
    from streams.config.topics import TopicNames
    from trainer.ab_tests.experiment_visitors import visitors_of

    names = TopicNames()
    made = _lines(decisions) if decisions else outcomes.decisions_on_topic(names)
    seen = outcomes.clicks_of(_lines(clicks)) if clicks else outcomes.clicks_on_topic(names)
    read, paid = outcomes.decisions_of(experiment, made), outcomes.payments(seen)
    known = own_at(ActionSet.load_all(own), experiment)
    sets = [ActionSet.load(arm.actions) if arm.actions else known for arm in experiment.arms]
    costs = {action.name: action.cost or 0.0 for actions in sets for action in actions.actions}
    return visitors_of(experiment, read.rows, paid, costs, window, read.reached, margin)


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as lines:
        yield from (line for line in lines if line.strip())
