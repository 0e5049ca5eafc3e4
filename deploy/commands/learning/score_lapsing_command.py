"""`pathcast score-lapsing`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from deploy.terminal.log_options import FILE
from deploy.terminal.option_defaults import Wanted
from deploy.terminal.renamed_options import renamed_option
from deploy.terminal.tables import print_table
from deploy.terminal.time_option import parsed_time
from models.errors import PathcastError

if TYPE_CHECKING:
    from deploy.cluster.lapsing_visitors import LapsingFindings


_DEFAULTS = Wanted()
_SHOWN = 10
_DAYS = click.FloatRange(min=0, max=3650)


@click.command()
@click.option(
    "--within-days",
    type=click.FloatRange(0, 3650, min_open=True),
    default=_DEFAULTS.within_days,
    show_default=True,
    help="A visitor is lost who does not come back within this many days.",
)
@click.option(
    "--absent-from",
    type=_DAYS,
    default=_DEFAULTS.absent_from,
    show_default=True,
    help="Least days since the last visit.",
)
@click.option("--absent-to", type=_DAYS, help="Days since the last visit, below  [PATHCAST_CHURN_DAYS].")
@click.option(
    "--min-probability",
    type=click.FloatRange(0, 1),
    default=_DEFAULTS.least,
    show_default=True,
    help="Least probability to be lost.",
)
@click.option(
    "--min-sessions",
    type=click.IntRange(1),
    default=_DEFAULTS.sessions,
    show_default=True,
    help="Least sessions of a visitor.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    help="Publish at most this many, those with the most money at risk first.",
)
@renamed_option(
    "--as-of",
    old="--at",
    callback=parsed_time,
    help="Event time of the sweep  [the newest that the state has reached].",
)
@click.option(
    "--win-back", type=FILE, help="Actions file (TOML) from which each visitor gets one win-back action."
)
@click.option("--dry-run", is_flag=True, help="Only print the visitors; publish nothing.")
def command(
    within_days: float,
    absent_from: float,
    absent_to: float | None,
    min_probability: float,
    min_sessions: int,
    limit: int | None,
    as_of: int | None,
    win_back: Path | None,
    dry_run: bool,
) -> None:
    """Find lapsing visitors in the workers' state and publish them.

    A visitor is lapsing who used to come, has stayed away for longer than usual, and is likely to be lost.
    Workers keep running. The model is learned from the state itself: how often and how lately visitors came.
    A repeated sweep replaces its own records.
    """
    from deploy.cluster.clients import connection
    from deploy.cluster.lapsing_visitors import publish, read_state, sweep
    from models.guidance.win_back import win_back_policy
    from streams.config.secret_file import pseudonyms
    from streams.config.topics import TopicNames
    from streams.config.worker_settings import WorkerSettings
    from trainer.forecasting.lapsing_training import learn

    settings, names, to = WorkerSettings(), TopicNames(), connection()
    absent_to = settings.churn_days if absent_to is None else absent_to
    if absent_to <= absent_from:
        raise click.UsageError(
            f"--absent-from {absent_from:g} is not below --absent-to {absent_to:g}: give a smaller one"
        )
    policy = None if win_back is None else win_back_policy(_text(win_back))
    state = read_state(to, settings.application_id, pseudonyms(settings.pseudonym_key_file))
    as_of = state.watermark if as_of is None else as_of
    wanted = Wanted(within_days, absent_from, absent_to, min_probability, min_sessions, limit)
    found = sweep(state, learn(state.table, as_of), as_of, wanted, policy)
    print_table(_table(found))
    told = "not published (--dry-run)" if dry_run else f"published to {names.lapsing_visitors}"
    if not dry_run:
        publish(to, names.lapsing_visitors, found)
    click.echo(f"{len(found):,} of {len(state.ids):,} visitors {told}")


def _table(found: list[LapsingFindings]) -> Table:
    table = Table("visitor", "lost", "value", "win-back", "why")
    for _, record in found[:_SHOWN]:
        offered = record.win_back.action if record.win_back else ""
        lost, value = f"{record.lost_probability:.1%}", f"{record.value:,.2f}"
        table.add_row(record.visitor_id, lost, value, offered, record.reason)
    return table


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise PathcastError(f"{path} cannot be read ({error}): name another file") from error
