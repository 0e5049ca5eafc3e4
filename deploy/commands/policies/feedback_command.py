"""`pathcast feedback report | export`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from deploy.terminal.help_pages import Group
from deploy.terminal.log_options import FILE
from deploy.terminal.out_file import OUT, writing
from deploy.terminal.time_option import time_or_age
from models.errors import PathcastError

if TYPE_CHECKING:
    from models.contract.events import OutcomeName
    from models.contract.rewards import RecommendationOutcome, Reward
    from trainer.policy_reports.feedback_report import FeedbackReport, Interval, OutcomeCounts

#: The topics of records, by their fields in the topic names.
ROLES = ("rewards", "recommendation_outcomes")


@click.group(cls=Group)
def command() -> None:
    """Show or export what became of decisions and recommendations."""


@command.command()
@click.argument("files", nargs=-1, type=FILE)
@click.option(
    "--since",
    callback=time_or_age,
    help="Only what was decided or recommended since this event time, or in the last `1d`, `12h`, `30m`.",
)
@click.option("--json", "out", type=OUT, help="Write all figures to this file.")
def report(files: tuple[Path, ...], since: int | None, out: Path | None) -> None:
    """Print outcomes by placement, policy version, model version and action; and of recommendations.

    Reads the topics `rewards` and `recommendation-outcomes` up to their present ends, or FILES of such
    records (JSON lines). Intervals are of 95%. Decisions of the `none` action have no records.
    """
    from trainer.policy_reports.feedback_report import FeedbackReport

    made, unreadable = FeedbackReport(), 0
    for value in _lines(files) if files else _topics():
        one = _read(value)
        if one is None:
            unreadable += 1
        elif since is None or _made_at(one) >= since:
            made.take([one])
    if out is not None:
        with writing(out):
            out.write_text(json.dumps(_as_json(made), indent=1) + "\n")
    _print(made)
    if unreadable:
        raise PathcastError(
            f"{unreadable:,} records are neither rewards nor outcomes of recommendations, and are not "
            "counted; expected the values of those topics, one a line"
        )


@command.command()
@click.argument("file", type=OUT)
@click.option("--since", callback=time_or_age, help="Only decisions made since this event time or age.")
@click.option("--rewards-only", is_flag=True, help="Leave out decisions for nothing, whose reward is 0.")
def export(file: Path, since: int | None, rewards_only: bool) -> None:
    """Write the event log's decisions with their rewards to one Parquet FILE, for `policy train --log`.

    Decisions of the `none` action are added from the log's `ad-decisions`.
    """
    from deploy.runs.event_log import opened
    from trainer.decision_tables import reward_table

    log = opened()
    table = reward_table.from_event_log(log, since or 0)
    if not rewards_only:
        table = reward_table.with_none(log, table)
    if table.is_empty():
        raise PathcastError(
            f"{log.place.url} has no reward of that time: pathcast log stats shows what it has"
        )
    with writing(file):
        table.write_parquet(file)
    context = ",".join(reward_table.context_columns(table))
    click.echo(f"{len(table):,} decisions written to {file}; their context: --context {context}")


def _lines(files: tuple[Path, ...]) -> Iterator[bytes]:
    for file in files:
        with file.open("rb") as lines:
            yield from (line for line in lines if line.strip())


def _topics() -> Iterator[bytes]:
    """The committed records of both topics, without those of erased visitors."""
    from deploy.cluster.clients import connection, consumer, drain_batches
    from deploy.runs.event_log import opener
    from streams.config.topics import TopicNames
    from streams.config.worker_settings import WorkerSettings

    names = TopicNames()
    opened = opener(WorkerSettings(), names)
    with consumer(connection()) as client:
        for role in ROLES:
            for batch in drain_batches(client, getattr(names, role)):
                there = [record for record in batch if record.value is not None]
                yield from (value for value in opened(role, there) if value is not None)


def _read(value: bytes) -> Reward | RecommendationOutcome | None:
    from models.contract.rewards import RecommendationOutcome, Reward

    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.decode(value, type=Reward)
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.decode(value, type=RecommendationOutcome)
    return None


def _made_at(one: Reward | RecommendationOutcome) -> int:
    from models.contract.rewards import Reward

    return one.decided_at if isinstance(one, Reward) else one.recommended_at


def _figures(row: OutcomeCounts) -> dict[str, Any]:
    from models.feedback.visitor_outcomes import KINDS

    rates: dict[str, Any] = {name: row.rate(name)._asdict() for name in KINDS}
    means = {
        name: getattr(row, name).interval._asdict() for name in ("value", "rating", "reward", "position")
    }
    return {"cases": row.cases, "evicted": row.evicted, **rates, **means}


def _as_json(made: FeedbackReport) -> dict[str, Any]:
    return {
        "decisions": [{**key._asdict(), **_figures(row)} for key, row in sorted(made.decisions.items())],
        "recommendations": [
            {**key._asdict(), **_figures(row)} for key, row in sorted(made.recommendations.items())
        ],
    }


def _print(made: FeedbackReport) -> None:
    from rich.table import Table

    from deploy.terminal.tables import print_table

    outcomes: tuple[OutcomeName, ...] = ("shown", "clicked", "bought", "dismissed")
    table = Table(
        *("placement", "policy", "version", "model", "action", "decisions"),
        *outcomes,
        *("value", "rating", "reward"),
        title="Decisions",
    )
    for key, row in sorted(made.decisions.items()):
        rates = [_percent(row.rate(name)) for name in outcomes]
        means = [_amount(one.interval) for one in (row.value, row.rating, row.reward)]
        table.add_row(*key[:2], key.policy_version[:12], *key[3:], f"{row.cases:,}", *rates, *means)
    print_table(table)
    table = Table(
        *("model", "rung", "followed"),
        *outcomes,
        *("value", "rating", "position"),
        title="Recommendations with an outcome",
    )
    for place, row in sorted(made.recommendations.items()):
        rates = [_percent(row.rate(name)) for name in outcomes]
        means = [_amount(one.interval) for one in (row.value, row.rating, row.position)]
        table.add_row(*place, f"{row.cases:,}", *rates, *means)
    print_table(table)


def _percent(found: Interval) -> str:
    if found.value is None:
        return "-"
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"


def _amount(found: Interval) -> str:
    if found.value is None:
        return "-"
    ends = "" if found.low is None else f" ({found.low:.3g} to {found.high:.3g})"
    return f"{found.value:.3g}{ends}"
