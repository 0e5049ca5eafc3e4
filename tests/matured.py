"""Published answers with their outcomes, made up: as arrays, and as rows of an event log."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.eventlogs import START, Record, click, filled
from trainer.calibration.calibration_gap import shifted
from trainer.calibration.matured_answers import ANSWERS, MaturedAnswers
from trainer.eventlog.buffer import Buffer, TopicSource
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_tables import BY_NAME
from trainer.eventlog.rows import Rows

VERSION = "served"
#: Logit of the mean base rate, spread of sessions around it, and share of sessions that end at each click.
BASE, SPREAD, ENDS = -4.0, 1.5, 0.25


def simulated(seed: int, sessions: int, shift: float = 0.0) -> MaturedAnswers:
    """Sessions whose published probabilities are right, but for a `shift` (logit) of all purchases; a fifth
    of the visitors come again.
    """
    random = np.random.default_rng(seed)
    visitor, length = random.integers(0, int(0.8 * sessions), sessions), random.geometric(ENDS, sessions)
    logits = BASE + random.normal(0, SPREAD, sessions)
    bought = random.random(sessions) < 1 / (1 + np.exp(-logits - shift))
    session = np.repeat(np.arange(sessions), length)
    # Within a session the probability moves, and is right again at each click, by Bayes' rule.
    told = random.normal(np.where(bought, 0.5, -0.5)[session], 1.0)
    evidence = _summed(told, session)
    chance = 1 / (1 + np.exp(-(logits[session] + evidence)))
    version = np.full(len(session), VERSION, dtype=object)
    return MaturedAnswers(
        visitor[session], session, START + 1000 * session, chance, bought[session], version, START
    )


def _summed(values: NDArray[np.float64], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums within each group up to each value."""
    total = np.cumsum(values)
    first = np.flatnonzero(np.diff(group, prepend=-1))
    return np.asarray(total - (total - values)[first][group])


def moved(answers: MaturedAnswers, step: float) -> MaturedAnswers:
    """The answers after a shift."""
    return replace(answers, chance=shifted(answers.chance, step))


class Said(NamedTuple):
    """An answer and the event that caused it."""

    session: str
    place: int
    ts: int
    chance: float = 0.1
    event: str = "view_item"
    version: str = VERSION
    rung: str = "neural"
    visitor: str = "v"
    partition: int = 0

    @property
    def event_id(self) -> str:
        """The click's."""
        return f"{self.session}.{self.place}"


def told(log: EventLog, said: Iterable[Said], clicks: bool = True) -> EventLog:
    """The log with these answers, and with their clicks."""
    found = list(said)
    for partition in sorted({one.partition for one in found}):
        mine = [one for one in found if one.partition == partition]
        source = TopicSource(ANSWERS, "one", 0, 10**9)
        writer = Buffer.open(log, Rows(BY_NAME[ANSWERS]), partition, source, lambda frame: frame, False)
        writer.add([_answer(one, number) for number, one in enumerate(mine)])
        writer.commit(0, START)
        if clicks:
            filled(log, [_click(one, number) for number, one in enumerate(mine)], each=len(mine))
    return log


def _click(said: Said, offset: int) -> Record:
    fields = {"event_id": said.event_id, "event": said.event}
    return click(offset, said.visitor, said.partition, said.ts, **fields)


def _answer(said: Said, offset: int) -> Record:
    value: dict[str, Any] = {
        "event_id": said.event_id,
        "visitor_id": said.visitor,
        "ts": said.ts,
        "model_version": said.version,
        "catalogue_version": "",
        "features_version": "",
        "rung": said.rung,
        "scored_at": said.ts,
        "purchase_probability": said.chance,
        "session_id": said.session,
        "session_clicks": said.place,
    }
    return Record(said.partition, offset, said.ts, said.visitor.encode(), json.dumps(value).encode())
