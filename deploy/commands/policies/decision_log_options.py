"""Options of commands that read logs of decisions."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deploy.terminal.dialect_options import dialect_options
from deploy.terminal.log_options import FILE
from deploy.terminal.map_option import mapping_option

if TYPE_CHECKING:
    from trainer.off_policy.decision_log import DecisionLog


def _context(_ctx: click.Context, _param: click.Parameter, given: str | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(name.strip() for name in given.split(",") if name.strip())


_OPTIONS = (
    click.option(
        "--log",
        "files",
        multiple=True,
        required=True,
        type=FILE,
        help="Table of decisions: CSV, Parquet, JSON lines, also compressed; repeat it to join several.",
    ),
    mapping_option,
    click.option(
        "--context",
        metavar="NAME,NAME,...",
        callback=_context,
        help="Columns that policies decide from; NAME:word for numbers that are names  [all other columns].",
    ),
    click.option(
        "--skip-refused",
        is_flag=True,
        help="Leave out rows that cannot be used, and count them; without it the first one ends the command.",
    ),
)


def decision_log_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--log`, `--map`, `--context`, `--skip-refused`, how files are written: handed on as `log`, a
    DecisionLog. Files may also follow as arguments `more`. Raises LogError.
    """

    @wraps(command)
    def with_log(
        files: tuple[Path, ...], mapping: dict[str, str], context: Any, skip_refused: bool, **given: Any
    ) -> Any:
        from trainer.off_policy.decision_log import HowRead, read_decisions

        how = HowRead(mapping, context, given.pop("dialect"), skip_refused)
        log = read_decisions((*files, *given.pop("more", ())), how)
        _tell(log)
        return command(log=log, **given)

    made: Callable[..., Any] = dialect_options(event=False)(with_log)
    for option in reversed(_OPTIONS):
        made = option(made)
    return made


def _tell(log: DecisionLog) -> None:
    for reason, count in log.counts.refused.items():
        click.echo(f"note: {count:,} of {log.counts.read:,} rows are left out by {reason}", err=True)
