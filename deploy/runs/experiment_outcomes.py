"""Read what an experiment needs: its decisions, and the money that purchases brought.

Decisions and clicks are joined by event id, so pseudonyms and sealed answers change nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from deploy.cluster.clients import connection, consumer, drain_batches
from deploy.runs.event_log import opener
from deploy.terminal.event_map_option import of_worker
from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import Click
from models.errors import PathcastError
from models.experiments.experiment import Experiment
from models.sessions.orders import amount_of
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings
from trainer.ab_tests.experiment_visitors import decision_row
from trainer.logs.log_replay import LogRecord

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class _Head(msgspec.Struct):
    """The part of a decision that says whether it is needed."""

    visitor_id: str
    ts: int


_head = msgspec.json.Decoder(_Head).decode


class DecisionsRead(NamedTuple):
    """Rows of `decision_row`, and the event time that all decisions have reached (epoch ms)."""

    rows: list[tuple[Any, ...]]
    reached: int


def decisions_of(experiment: Experiment, values: Iterable[bytes]) -> DecisionsRead:
    """The decisions that name the experiment, and later ones of its visitors.

    The later ones, made after it was stopped, count as those of the visitor's arm: they tell what came of it.
    """
    mark = b'"experiment":%b' % msgspec.json.encode(experiment.name)
    rows, reached, arms = list[tuple[Any, ...]](), 0, dict[str, str]()
    for number, value in enumerate(values, start=1):
        try:
            head = _head(value)
            reached = max(reached, head.ts)
            arm = arms.get(head.visitor_id)
            if mark not in value and arm is None:
                continue
            record = _decode(value)
            if record["context"].get("experiment") == experiment.name:
                arm = arms[head.visitor_id] = record["context"]["arm"]
            if arm is not None:
                record["context"]["arm"] = arm
                rows.append(decision_row(record))
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
            raise PathcastError(
                f"decision {number}, {value[:60]!r}: {error!r}; expected a record of `ad-decisions` as JSON"
            ) from error
    return DecisionsRead(rows, reached)


def payments(batches: Iterable[Sequence[Any]]) -> dict[str, float]:
    """Money by the event id of each purchase; 0 where the click has neither a value nor a price."""
    worker = WorkerSettings()
    decoder = Decoder(worker.limits(), Catalogue(), of_worker(worker), None, worker.wire_format())
    bought = (
        click
        for records in batches
        for click in decoder.decode(records)
        if isinstance(click, Click) and click.event == "purchase"
    )
    return {click.event_id: (amount_of(click) or 0) / 1000 for click in bought}


def decisions_on_topic(names: TopicNames) -> Iterator[bytes]:
    """All committed decisions of the topic, opened where they are sealed, without erased ones."""
    opened = opener(WorkerSettings(), names)
    with consumer(connection()) as client:
        for batch in drain_batches(client, names.ad_decisions):
            there = [record for record in batch if record.value is not None]
            yield from (value for value in opened("ad_decisions", there) if value is not None)


def clicks_on_topic(names: TopicNames) -> Iterator[Sequence[Any]]:
    """All clicks on the topic, in batches."""
    with consumer(connection()) as client:
        yield from drain_batches(client, names.clicks)


def clicks_of(lines: Iterable[bytes]) -> Iterator[Sequence[Any]]:
    """Clicks of a file of JSON lines, one batch a line; their keys are their visitors, as on the topic."""
    for line in lines:
        try:
            known = _head(line)
        except msgspec.DecodeError:
            continue
        yield [LogRecord(known.visitor_id.encode(), line, known.ts)]
