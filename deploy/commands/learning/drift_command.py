"""`pathcast drift`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.commands.learning.registry_option import registry_option
from deploy.terminal.log_options import ShopLog, log_options
from deploy.terminal.out_file import OUT
from deploy.terminal.training_options import figures_option
from models.errors import PathcastError
from trainer.promotion.resolve import SERVING, resolve_folder

if TYPE_CHECKING:
    from trainer.drift.drift import Drift


@click.command()
@click.option(
    "--model", default=SERVING, show_default=True, help="Version to check: its name, latest or serving."
)
@registry_option
@log_options()
@figures_option
@click.option("--picture", "drawn", type=OUT, help="Write a chart of the figures to this PNG file.")
@click.option(
    "--metrics", type=OUT, help="Write gauges to this file, for the textfile collector of Prometheus."
)
def command(
    model: str | None,
    registry: Path,
    log: ShopLog,
    out: Path | None,
    drawn: Path | None,
    metrics: Path | None,
) -> None:
    """Compare the clicks since a version was trained with the clicks that it was validated on.

    Exits with 3 if the drift is large enough that a new version should be trained.
    """
    path = resolve_folder(registry, model or SERVING)
    from deploy.runs.progress_bar import use_cores
    from models.registry import registry as store
    from trainer.drift.drift import measure, since
    from trainer.drift.drift_settings import DriftSettings

    use_cores()
    version = store.load(path)
    found = measure(version, since(version, log.examples()), DriftSettings())
    if found is None:
        raise PathcastError(
            f"the drift of {version.id} cannot be measured: the log has too few sessions since its training "
            f"(expected {DriftSettings().least_sessions}), or an older program made it; give a newer log, or "
            "train a new version"
        )
    _write(found, out, drawn, metrics)
    for line in found.alarms or ["no alarm"]:
        click.echo(line)
    if found.alarms:
        raise SystemExit(3)


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
        f"{found.sessions:,} sessions; stability index of scores {found.score:.3f}, largest of features: "
        f"{most}; purchases predicted {found.foreseen:.2%}, observed {found.bought:.2%}; unknown items "
        f"{found.new_items:.1%} (validation {found.new_items_before:.1%})"
    )
