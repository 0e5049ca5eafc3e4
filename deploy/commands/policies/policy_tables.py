"""Tables of judged policies on standard output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from rich.table import Table

from deploy.terminal.tables import print_table

_COLUMNS = ("value", "low", "high", "effective decisions")


def print_evaluation(found: Mapping[str, Any]) -> None:
    """One line for each estimator, then segments, then what speaks against the estimates."""
    level = f"{found['interval']['level']:.0%} by {found['interval']['kind']}"
    table = Table("estimator", *_COLUMNS, title=f"{found['policy']}, {found['decisions']:,} decisions")
    table.caption = (
        f"mean reward of the log {_number(found['on_policy']['value'])}; intervals {level}; reward model "
        f"{found['reward_model']['model']}; {found['rows']['used']:,} of {found['rows']['read']:,} rows used"
    )
    _rows(table, found)
    print_table(table)
    biased = [name for name, one in found.items() if isinstance(one, dict) and one.get("biased")]
    if biased:
        click.echo(f"note: the bounds of {', '.join(biased)} leave out a bias", err=True)
    for column, rows in found["segments"].items():
        _print_segments(column, rows)
    for doubt in found["doubts"]:
        click.echo(f"note: {doubt}", err=True)


def print_comparison(found: Mapping[str, Any]) -> None:
    """One line for each estimator, then what it says in words, then doubts about both."""
    from trainer.policy_reports.policy_comparison import sentence

    first, second = found["a"]["policy"], found["b"]["policy"]
    table = Table("estimator", *_COLUMNS, title=f"{first} less {second}, {found['decisions']:,} decisions")
    _rows(table, found)
    print_table(table)
    click.echo(sentence(dict(found)))
    for side in ("a", "b"):
        for doubt in found[side]["doubts"]:
            click.echo(f"note: {found[side]['policy']}: {doubt}", err=True)


def _rows(table: Table, found: Mapping[str, Any]) -> None:
    for name, figures in found.items():
        if isinstance(figures, dict) and "ess" in figures and name != "on_policy":
            size = "unknown" if figures["ess"] is None else f"{figures['ess']:,.0f}"
            table.add_row(name, *(_number(figures[one]) for one in ("value", "low", "high")), size)


def _print_segments(column: str, rows: list[dict[str, Any]]) -> None:
    table = Table(column, "decisions", "log", "estimator", *_COLUMNS)
    for row in rows:
        numbers = [_number(row[one]) for one in ("value", "low", "high")]
        named = f"{row['decisions']:,}", _number(row["on_policy"]), row["estimator"]
        table.add_row(row["segment"], *named, *numbers, f"{row['ess']:,.0f}")
    print_table(table)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.5g}"
