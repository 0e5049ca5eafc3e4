"""What is checked by `pathcast input check`: files of a log, or records of a topic."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deploy.cluster.clients import connection
from deploy.cluster.records import now_ms
from deploy.runs.topic_sample import decoded, item_ids, newest
from deploy.terminal.log_options import LogPlace, ShopLog, as_files, shop_log
from models.contract.aliases import EventNames
from models.contract.events import Click
from models.durations import MINUTE_MS
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings
from trainer.input_check import log_input
from trainer.input_check.column_guess import guessed_columns
from trainer.input_check.decoded_records import of_records
from trainer.input_check.findings import Findings
from trainer.logs.catalogue_file import catalogue
from trainer.logs.open_log import open_log
from trainer.tables.dialect import Dialect
from trainer.tables.log_error import LogError


def of_files(
    files: Sequence[Path | LogPlace],
    items: Path | None,
    mapping: dict[str, str],
    names: EventNames,
    dialect: Dialect,
) -> tuple[Findings, Dialect]:
    """What files hold, and how the first is written. Raises LogError or EventLogError."""
    with as_files(files) as paths:
        log, guessed = _opened(paths, items, mapping, names, dialect)
        found, written = log_input.of_files(paths, log.mapping, log.names, log.dialect, _gap(), now_ms())
        found = replace(found, detected=(*found.detected, *guessed))
        if items:
            shop = log.catalogue()
            mentioned = log_input.item_ids_in(paths, log.mapping, log.names, log.dialect)
            found = replace(found, known_items=sum(one in shop for one in mentioned))
    return found, written


def _opened(
    paths: tuple[Path, ...],
    items: Path | None,
    mapping: dict[str, str],
    names: EventNames,
    dialect: Dialect,
) -> tuple[ShopLog, list[str]]:
    """The log, with guessed columns where no name is known, and a sentence that says so. Raises LogError."""

    try:
        log = shop_log(paths, items, mapping, names, dialect)
        # Not every header is read without the rows.
        open_log(paths[0], log.mapping, log.dialect, log.names)
        return log, []
    except LogError:
        guess = guessed_columns(paths[0], mapping, names, dialect)
        log = shop_log(paths, items, guess | mapping, names, dialect)
    said = " ".join(f"--map {field}={column}" for field, column in guess.items())
    return log, [f"columns are guessed; if these are right, commands need them (or --fix): {said}"]


def of_topic(topic: str, limit: int, items: Path | None) -> Findings:
    """What the newest `limit` records of a topic hold. Raises KafkaUnreachable and LogError."""
    to = connection()
    records = decoded(newest(to, topic, limit), WorkerSettings())
    found = of_records(topic, records, _gap(), now_ms())
    known = set(catalogue(items)) if items else item_ids(to, TopicNames().items)
    clicks = (one.found for one in records if isinstance(one.found, Click))
    mentioned = {click.item_id for click in clicks if click.item_id}
    return replace(found, known_items=len(mentioned & known)) if known else found


def _gap() -> int:
    return int(WorkerSettings().session_gap_minutes * MINUTE_MS)
