"""What workers publish is what the event log keeps: written by their own encoders, field by field."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from msgspec import inspect

from models.contract.events import Limits
from models.contract.head_table import HEADS
from models.privacy.envelope import Envelopes
from models.privacy.keyring import Keyring
from streams.config.topics import ANSWERS, TopicNames
from tests.eventlogs import Record, originals
from tests.offline import Offline, records
from tests.tiny import ALL_HEADS
from tests.tiny import version as tiny
from tests.unit.streams.pipeline.test_processor import event
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_tables import CLICKS, TABLES, LogTable
from trainer.eventlog.rows import UNREADABLE, Rows

MASTER = Envelopes(b"m" * 32)
ANSWERED = [table for table in TABLES if table.setting in ANSWERS]


def shopping(count: int = 60) -> list[Any]:
    """Carts, words that ask for reasons, and a price beyond its limit."""
    kinds = ("view_item", "add_to_cart", "search", "begin_checkout", "view_item", "rate_item")
    known = {"category": "c1", "price": 9.5}
    events = [event(n, f"v{n % 3}", n, event=kinds[n // 3 % 6], **known) for n in range(count)]
    for one in events[1::4]:
        one |= {"explain": True, "quantity": 0.5, "price": 1e11}
    return records(events)


def publish(offline: Offline) -> dict[str, list[Record]]:
    """All that a worker publishes of `shopping`, by the topic's role."""
    names, made = TopicNames(), {role: [] for role in (*ANSWERS, "visitor_keys")}  # type: ignore[var-annotated]
    log = shopping()
    for at in range(0, len(log), 7):
        outputs = offline.process(log[at : at + 7]).outputs
        for role, found in made.items():
            for key, value, headers in outputs.get(getattr(names, role), ()):
                found.append(Record(0, len(found), 1_700_000_000_000, key, value, headers))
    return made


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module", params=["neural", "sealed", "without a model"])
def published(request: pytest.FixtureRequest, registry: Path) -> tuple[dict[str, list[Record]], Keyring]:
    """Published records by role, and the keys to open them by."""
    version = None if request.param == "without a model" else tiny(registry, tasks=ALL_HEADS)
    sealing = MASTER if request.param == "sealed" else None
    made, ring = publish(Offline(version, limits=Limits(), envelopes=sealing)), Keyring(MASTER)
    for record in made["visitor_keys"]:
        ring.take(0, record.key, record.value)
    return made, ring


def opened(ring: Keyring, role: str, found: list[Record]) -> list[bytes]:
    return [ring.open(role, 0, one.key or b"", one.value or b"") for one in found]


@pytest.mark.parametrize("table", ANSWERED, ids=lambda table: table.name)
def test_every_answer_is_kept_whole(
    published: tuple[dict[str, list[Record]], Keyring], table: LogTable, tmp_path: Path
) -> None:
    made, ring = published
    found = made[table.setting]
    said = [json.loads(value) for value in opened(ring, table.setting, found)]
    assert len(said) == len(shopping())
    rows = Rows(table, opened=lambda role, records: opened(ring, role, list(records))).frame(found)
    log = EventLog.at(str(tmp_path))
    frame = pl.concat([log.read(file) for file in log.write(table.name, 0, rows, 0)])
    assert frame["_refused"].null_count() == frame["_bytes"].null_count() == len(frame)
    assert [row[3] for row in originals(frame, table)] == [without_nulls(one) for one in said]
    sent = {name for one in without_nulls(said) for name in one}
    assert {name for name in table.fields if frame[name].null_count() < len(frame)} == sent
    if said[0]["rung"] == "neural":
        # Decisions of the rules do not name their policy, and actions without creatives none.
        assert sent == set(table.fields) - {"policy", "creative"}


def without_nulls(value: Any) -> Any:
    """As `originals` gives it: a field that is null is left out."""
    if isinstance(value, list):
        return [without_nulls(one) for one in value]
    return {name: one for name, one in value.items() if one is not None}


def test_every_head_is_published(registry: Path) -> None:
    made = publish(Offline(tiny(registry, tasks=ALL_HEADS)))
    said = {name for record in made["purchase_intent"] for name in json.loads(record.value or b"")}
    assert {head.field for head in HEADS} <= said


#: A value of a type as JSON has it, that says something of every part of it.
SAMPLES: dict[type[Any], Callable[[Any], Any]] = {
    inspect.Metadata: lambda kind: sample(kind.type),
    inspect.UnionType: lambda kind: sample(
        next(one for one in kind.types if not isinstance(one, inspect.NoneType))
    ),
    inspect.StructType: lambda kind: {field.encode_name: sample(field.type) for field in kind.fields},
    inspect.DictType: lambda kind: {name: sample(kind.value_type) for name in ("a 'b' \"c\"", "é")},
    inspect.ListType: lambda kind: [sample(kind.item_type)] * 2,
    inspect.VarTupleType: lambda kind: [sample(kind.item_type)] * 2,
    inspect.EnumType: lambda kind: next(iter(kind.cls)).value,
    inspect.LiteralType: lambda kind: kind.values[0],
    inspect.StrType: lambda kind: 'text \\ "é" \x00 💥',
    inspect.BoolType: lambda kind: False,
    inspect.IntType: lambda kind: kind.ge or 3,
    inspect.FloatType: lambda kind: 0.25,
}


def sample(kind: inspect.Type) -> Any:
    return SAMPLES[type(kind)](kind)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_field_of_the_contract_survives(table: LogTable, tmp_path: Path) -> None:
    info = inspect.type_info(table.contract)
    said = sample(info) | {"visitor_id": "v"}
    said = {name: value for name, value in said.items() if name in table.fields}
    assert set(said) == set(table.fields)
    struct = msgspec.convert(said, table.contract)
    value = msgspec.json.encode(struct if table is not CLICKS else said)
    log = EventLog.at(str(tmp_path))
    made = Rows(table, Limits(check_skew=False)).frame([Record(0, 0, 1_700_000_000_000, b"v", value)])
    ((_, _, _, kept, _),) = originals(log.read(log.write_day(table.name, 0, made, "2023-11-14")), table)
    assert kept == said
    assert msgspec.convert(kept, table.contract) == struct


@pytest.mark.parametrize("table", ANSWERED, ids=lambda table: table.name)
def test_an_answer_with_fields_of_a_newer_program_is_kept_with_its_bytes(table: LogTable) -> None:
    said = sample(inspect.type_info(table.contract)) | {"visitor_id": "v", "mood": {"good": 1}}
    value = json.dumps(said).encode()
    frame = Rows(table).frame([Record(0, 0, 1_700_000_000_000, b"v", value)])
    assert frame.select("visitor_id", "_refused", "_bytes").row(0) == ("v", None, value)
    assert frame["rung"].to_list() == [said["rung"]]


@pytest.mark.parametrize("table", ANSWERED, ids=lambda table: table.name)
@pytest.mark.parametrize("wrong", [{"ts": "now"}, {"rung": 7}, {"event_id": None}])
def test_an_answer_that_is_none_is_still_refused(table: LogTable, wrong: dict[str, Any]) -> None:
    value = json.dumps(sample(inspect.type_info(table.contract)) | wrong).encode()
    frame = Rows(table).frame([Record(0, 0, 1_700_000_000_000, b"v", value)])
    assert frame.select("visitor_id", "_refused", "_bytes").row(0) == (None, UNREADABLE, value)
