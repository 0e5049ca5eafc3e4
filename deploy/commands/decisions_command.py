"""`pathcast decisions`: verify published decisions against their own records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from deploy.commands.learning.registry_option import registry_option
from deploy.terminal.help_pages import Group
from deploy.terminal.log_options import FILE
from models.errors import PathcastError

if TYPE_CHECKING:
    from models.decisions.actions import ActionSet
    from models.experiments.experiment import Experiment
    from models.experiments.verifying import ExperimentVerifier


ACTIONS_FILE = Path(__file__).parent.parent / "data" / "actions.toml"
SHOWN_DIFFERENCES = 20


@click.group(cls=Group)
def command() -> None:
    """Verify the decisions on the topic `ad-decisions`."""


@command.command()
@click.argument("file", required=False, type=FILE)
@click.option(
    "--actions",
    type=FILE,
    default=[ACTIONS_FILE],
    multiple=True,
    help="TOML file of the actions, again for each file that was in use  [the shipped example].",
)
@click.option("--experiments", type=FILE, help="Experiments as JSON lines  [the topic experiments].")
@registry_option
@click.option("--limit", type=click.IntRange(min=1), help="Verify at most this many.")
def verify(
    file: Path | None, actions: Sequence[Path], experiments: Path | None, registry: Path, limit: int | None
) -> None:
    """Recompute each decision from its own record in FILE (JSON lines) or on the topic `ad-decisions`.

    A decision of a learned policy is recomputed with the version that its record names, from the registry;
    one of an experiment with the actions file of its arm.
    """
    from models.decisions.verify import Verifier
    from models.experiments.verifying import ExperimentVerifier
    from models.registry.policy_versions import find

    sets = [one for path in actions for one in _load(path)]
    make = partial(Verifier, learned=partial(find, registry))
    verifier = ExperimentVerifier(sets, _experiments(experiments), make)
    values = _lines(file) if file else _topic()
    checked = wrong = 0
    for checked, value in enumerate(islice(values, limit), start=1):
        differences = _differences(verifier, value)
        wrong += bool(differences)
        if differences and wrong <= SHOWN_DIFFERENCES:
            click.echo(f"decision {checked}: " + "; ".join(differences))
    click.echo(f"{checked - wrong} of {checked} decisions verified, {wrong} differ")
    if wrong:
        raise PathcastError(f"{wrong} decisions differ from their records; the first are listed above")


def _experiments(file: Path | None) -> Iterator[Experiment]:
    """Those of a file, or of the topic; read when the first decision names one."""
    from deploy.cluster.clients import connection
    from deploy.cluster.experiments_topic import known_experiments
    from models.experiments.experiment import decode_experiment
    from streams.config.topics import TopicNames

    if file is None:
        yield from known_experiments(connection(), TopicNames().experiments)
    else:
        yield from map(decode_experiment, _lines(file))


def _differences(verifier: ExperimentVerifier, value: bytes) -> list[str]:
    try:
        record = msgspec.json.decode(value, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return [f"not a JSON object: {error}"]
    return [f"{record.get('decision_id')}: {one}" for one in verifier.differences(record)]


def _load(path: Path) -> Sequence[ActionSet]:
    from models.decisions.actions import ActionSet

    try:
        return ActionSet.load_all(path.read_bytes())
    except OSError as error:
        raise PathcastError(f"actions file {path}: {error.strerror}; name one with --actions") from error


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as lines:
        yield from (line for line in lines if line.strip())


def _topic() -> Iterator[bytes]:
    """The committed records of the topic up to its present end, without erased ones."""
    from deploy.cluster.clients import connection, consumer, drain_batches
    from deploy.runs.event_log import opener
    from streams.config.topics import TopicNames
    from streams.config.worker_settings import WorkerSettings

    names = TopicNames()
    topic, opened = names.ad_decisions, opener(WorkerSettings(), names)
    with consumer(connection()) as client:
        for batch in drain_batches(client, topic):
            there = [record for record in batch if record.value is not None]
            yield from (value for value in opened("ad_decisions", there) if value is not None)
