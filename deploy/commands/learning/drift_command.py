"""`pathcast drift`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.commands.learning.registry_option import registry_option
from deploy.terminal.event_map_option import event_map_option
from deploy.terminal.log_options import FILE, events_option, mapping_option
from deploy.terminal.out_file import OUT
from models.contract.aliases import EventNames
from models.errors import PathcastError
from trainer.promotion.named import anywhere

if TYPE_CHECKING:
    from trainer.drift.drift import Drift


@click.command()
@click.option("--model", help="A version  [default: the one that serves].")
@registry_option
@events_option
@click.option("--items", type=FILE, help="Catalogue: fills category, brand and price of events.")
@mapping_option
@event_map_option
@click.option("--json", "out", type=OUT, help="Write all figures here.")
@click.option("--picture", "drawn", type=OUT, help="Draw them (PNG).")
@click.option("--metrics", type=OUT, help="Write gauges for Prometheus' textfile collector.")
def command(
    model: str | None,
    registry: Path,
    events: tuple[Path, ...],
    items: Path | None,
    mapping: dict[str, str],
    names: EventNames,
    out: Path | None,
    drawn: Path | None,
    metrics: Path | None,
) -> None:
    """Compare the clicks since a version was trained with those that it was validated on.

    Ends with code 3 where an alarm asks for a new version.
    """
    path = anywhere(registry, model or _serving(registry))
    from deploy.runs.progress_bar import use_cores
    from models.registry import registry as store
    from trainer.drift.drift import measure, since
    from trainer.drift.drift_settings import DriftSettings
    from trainer.logs.catalogue_file import catalogue
    from trainer.logs.log_files import read_log
    from trainer.logs.log_replay import walk
    from trainer.logs.reading import reading

    use_cores()
    version = store.load(path)
    with reading(events):
        examples = walk(read_log(events, mapping, names), catalogue(items)).examples()
    found = measure(version, since(version, examples), DriftSettings())
    if found is None:
        raise PathcastError(
            f"nothing can be said of {version.id}: too few sessions came since it was trained (expected "
            f"{DriftSettings().least_sessions}), or it was made by an older program; give a newer log, or "
            "train it again"
        )
    _write(found, out, drawn, metrics)
    for line in found.alarms or ["no alarm"]:
        click.echo(line)
    if found.alarms:
        raise SystemExit(3)


def _serving(registry: Path) -> str:
    from trainer.promotion.ledger import Ledger

    serving = Ledger(registry).standing().serving
    if serving is None:
        raise PathcastError(f"no version of {registry} serves; name one with --model")
    return serving


def _write(found: Drift, out: Path | None, drawn: Path | None, metrics: Path | None) -> None:
    from prometheus_client import write_to_textfile

    from trainer.drift.drift_report import DriftMetrics, picture

    if out:
        out.write_text(json.dumps(found._asdict(), indent=1) + "\n")
    if drawn:
        drawn.write_bytes(picture(found))
    if metrics:
        gauges = DriftMetrics()
        gauges.show(found)
        write_to_textfile(str(metrics), gauges.registry)
    most = ", ".join(f"{name} {index:.2f}" for name, index in list(found.features.items())[:3])
    click.echo(
        f"{found.sessions:,} sessions; stability index of scores {found.score:.3f}, most moved: {most}; "
        f"purchases foreseen {found.foreseen:.2%}, come {found.bought:.2%}; unknown items "
        f"{found.new_items:.1%} (validation {found.new_items_before:.1%})"
    )
