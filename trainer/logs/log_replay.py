"""Replay of a log by the code that serves: the contract's decoder, the session step, the features.

Features are read when a click happens; labels are joined afterwards (as metarank does).
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import AmountBounds, Click, Limits
from models.contract.wire_formats import InputRecord
from models.features import features
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.codes import CODE, category_hash, item_hash
from models.state.facts import ClickStatus, Facts
from models.state.visitor import Visitor
from trainer.examples.examples import Examples, ExamplesError, labelled
from trainer.examples.lookahead import OBSERVED, look_ahead
from trainer.logs.devices import Devices, Profiles
from trainer.logs.outliers import learned_bounds
from trainer.logs.row_checks import PASSIVE, advice, passive, repeats, strange, told

SLICE = 20_000
_NONE = float("nan")


@dataclass(slots=True)
class LogRecord:
    """A row of a log as a record for the decoder."""

    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass
class LogReplay:
    """Examples so far, and counts of the rows that are faulty.

    `rejected` counts clicks that gave no example, by reason; `disordered` rows that are earlier than the row
    above them; `repeated` rows that repeat another row's content; `unknown` rows with an unknown event name,
    by that name. `profiles` are the shop's records of people (topic `profiles`).
    `bounds` of amounts are those of a version, or learned from the log; `clipped` counts what is beyond them.
    """

    config: SessionConfig = field(default_factory=SessionConfig)
    catalogue: Catalogue = field(default_factory=Catalogue)
    rejected: dict[str, int] = field(default_factory=dict)
    disordered: int = 0
    repeated: int = 0
    unknown: dict[str, int] = field(default_factory=dict)
    profiles: Profiles = ()
    bounds: AmountBounds | None = None
    clipped: dict[str, int] = field(default_factory=dict)
    _visitors: dict[str, Visitor] = field(default_factory=dict)
    _sessions: dict[str, int] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _items: dict[int, str] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)
    _clicks: list[tuple[bytes, bytes, int, int, int, int]] = field(default_factory=list)
    _observed: list[tuple[float, float, float, int]] = field(default_factory=list)
    _watermark: int = 0
    _began: int = 0

    def __post_init__(self) -> None:
        self._devices = Devices(self._visitors, self.config, self.profiles)

    def through(self, log: pl.LazyFrame) -> "LogReplay":
        """Replay a log in the contract's columns (`log_files.read_log`) in order of event time."""
        frame = self._active(log.collect())
        self.disordered += int((frame["ts"].diff() < 0).sum())
        self.repeated += repeats(frame)
        for name, count in strange(frame["event"]).items():
            self.unknown[name] = self.unknown.get(name, 0) + count
        frame = frame.sort("ts", maintain_order=True)
        self.bounds = learned_bounds(frame) if self.bounds is None else self.bounds
        decoder = Decoder(Limits(check_skew=False), self.catalogue)
        for part in frame.iter_slices(SLICE):
            for entry in decoder.decode(records(part), self.bounds):
                if isinstance(entry, Click):
                    self._step(entry)
                else:
                    self._reject(str(entry.reason))
        for name, count in decoder.clipped.items():
            self.clipped[name] = self.clipped.get(name, 0) + count
        return self

    def _active(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows that may say something of shopping; the others are counted."""
        left_out = passive(frame["event"])
        if count := int(left_out.sum()):
            self.rejected[PASSIVE] = self.rejected.get(PASSIVE, 0) + count
        return frame.filter(~left_out)

    def _reject(self, reason: str) -> None:
        self.rejected[reason] = self.rejected.get(reason, 0) + 1

    def _step(self, click: Click) -> None:
        self._watermark = max(self._watermark, click.ts)
        self._devices.pass_time(self._watermark)
        before = self._visitors.get(click.visitor_id)
        spent = before.spend if before else 0
        visitor, facts = step(before, click, self._watermark, self.config)
        self._visitors[click.visitor_id] = visitor
        if facts.repeated:
            click.event = "page_view"
        if facts.born:
            self._devices.born(visitor, click.visitor_id)
        if facts.status != ClickStatus.APPLIED:
            self._reject(facts.status.name.lower())
        elif not facts.consent:
            self._reject("no consent")
        else:
            self._keep(visitor, click, facts)
            self._note(click, visitor.spend - (0 if facts.fresh else spent))
        self._devices.stepped(click.visitor_id, visitor, facts)

    def _keep(self, visitor: Visitor, click: Click, facts: Facts) -> None:
        if facts.fresh:
            self._sessions[click.visitor_id] = self._began
            self._began += 1
        if click.item_id is not None:
            self._items.setdefault(item_hash(click.item_id), click.item_id)
        row = features.row(visitor, click, facts)
        session = self._sessions[click.visitor_id]
        number = self._numbers.setdefault(click.visitor_id, len(self._numbers))
        self._clicks.append((facts.code, row, session, facts.position, click.ts, number))

    def _note(self, click: Click, spent: int) -> None:
        price, rating = click.price, click.rating if click.event == "rate_item" else None
        brand = self._named(click.brand)
        self._named(click.category)
        amounts = (spent / 1000, _NONE if price is None else price, _NONE if rating is None else rating)
        self._observed.append((*amounts, brand))

    def _named(self, text: str | None) -> int:
        hashed = category_hash(text)
        if text is not None:
            self._names.setdefault(hashed, text)
        return hashed

    def __len__(self) -> int:
        """The number of examples so far."""
        return len(self._clicks)

    def examples(self) -> Examples:
        """The examples so far, with labels. Raises ExamplesError if there are none."""
        if not self._clicks:
            rejected = f"its rows were rejected: {told(self.rejected, self.unknown)}"
            found = rejected if self.rejected else "it has no rows"
            raise ExamplesError(
                f"no click of the log can be used ({found}); check the file: {advice(self.unknown)}"
            )
        codes, rows, session, position, ts, visitor = zip(*self._clicks, strict=True)
        packed, numbers = np.frombuffer(b"".join(codes), dtype=CODE), np.array(session, dtype=np.int64)
        times, visitors = np.array(ts, dtype=np.int64), np.array(visitor, dtype=np.int64)
        observed = np.array(self._observed, dtype=OBSERVED)
        return Examples(
            packed,
            features.matrix(b"".join(rows)),
            numbers,
            np.array(position, dtype=np.int32),
            times,
            visitors,
            *labelled(packed, numbers),
            self._items,
            observed,
            look_ahead(packed, observed, numbers, times, visitors),
            self._names,
        )


def records(frame: pl.DataFrame) -> list[InputRecord]:
    """Rows in the contract's columns as records for the decoder."""
    lines = io.BytesIO()
    frame.write_ndjson(lines)
    keys = [(key or "").encode() for key in frame["visitor_id"].to_list()]
    times = frame["ts"].fill_null(-1).to_list()
    return list(map(LogRecord, keys, lines.getvalue().splitlines(), times))


def replay_log(log: pl.LazyFrame, catalogue: Catalogue | None = None, profiles: Profiles = ()) -> LogReplay:
    """Replay a whole log."""
    return LogReplay(catalogue=catalogue or Catalogue(), profiles=profiles).through(log)
