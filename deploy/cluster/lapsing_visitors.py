"""Search the state of an installation for lapsing visitors, while workers run.

The state is read from its changelog up to the end as it is at the start; only committed records count.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import xxhash
from msgspec import UNSET
from numpy.typing import NDArray

from deploy.cluster.clients import consumer, drain, producer
from deploy.cluster.state import StateCommandError, changelog_of, no_state
from deploy.terminal.option_defaults import Wanted as Wanted
from models.contract.predictions import LapsingVisitor, WinBack, encode
from models.contract.pseudonyms import Pseudonyms, looks_like_one
from models.decisions.policy import Policy
from models.decisions.units import count, money
from models.durations import DAY_MS
from models.forecasting.lapsing_model import LapsingParameters, lapse_probability, visits
from models.guidance.win_back import win_back
from models.state import state_keys, visitor
from models.state.visitor import Visitor
from streams.config.connection import Connection
from streams.transport import state_checkpoint
from streams.transport.state_checkpoint import CHECKPOINT_KEY

MILLI = 1000


class State(NamedTuple):
    """Consenting visitors: ids and partitions [N], VISITS [N]; `watermark`: event time reached (epoch ms)."""

    ids: list[str]
    partitions: list[int]
    table: NDArray[np.void]
    watermark: int


class LapsingFindings(NamedTuple):
    """A record with the partition of its visitor."""

    partition: int
    record: LapsingVisitor


def read_state(to: Connection, application_id: str, pseudonymiser: Pseudonyms | None = None) -> State:
    """Read all visitors from the changelog. Raises StateCommandError if there is no state.

    With pseudonyms, visitors from before pseudonyms were introduced are named by pseudonym, too.
    """
    changelog = changelog_of(application_id)
    ids: list[str] = []
    partitions: list[int] = []
    tables, watermark = [visits([])], 0
    with consumer(to) as client:
        every = client.partitions_for_topic(changelog)
        if not every:
            raise no_state(changelog)
        for partition in sorted(every):
            latest = _latest(drain(client, changelog, partition))
            watermark = max(watermark, state_checkpoint.decode(latest.pop(CHECKPOINT_KEY, None)).watermark)
            known = _named(_consenting(latest), pseudonymiser)
            ids += known
            partitions += [partition] * len(known)
            tables.append(visits(known.values()))
    if not ids:
        raise StateCommandError(
            f"{changelog} holds no visitor who consents: wait until clicks have been answered"
        )
    return State(ids, partitions, np.concatenate(tables), watermark)


def _latest(records: Iterable[Any]) -> dict[bytes, bytes]:
    """The last value of each visitor and of the checkpoint, without deleted ones."""
    found: dict[bytes, bytes] = {}
    for record in records:
        if record.key != CHECKPOINT_KEY and not record.key.startswith(state_keys.VISITOR):
            continue
        if record.value is None:
            found.pop(record.key, None)
        else:
            found[record.key] = record.value
    return found


def _consenting(latest: dict[bytes, bytes]) -> dict[str, Visitor]:
    decoded = ((state_keys.visitor_id(key), visitor.decode(value)) for key, value in latest.items())
    return {name: known for name, known in decoded if not known.denied and known.last_ts}


def _named(known: dict[str, Visitor], pseudonymiser: Pseudonyms | None) -> dict[str, Visitor]:
    """Records by pseudonym; of a visitor known by id and pseudonym only the later record counts."""
    if pseudonymiser is None:
        return known
    older = {name: pseudonymiser.visitor(name.encode()) for name in known if not looks_like_one(name)}
    renamed = {older[name]: visitor for name, visitor in known.items() if name in older}
    return renamed | {name: visitor for name, visitor in known.items() if name not in older}


def sweep(
    state: State, habits: LapsingParameters, at: int, wanted: Wanted, policy: Policy | None = None
) -> list[LapsingFindings]:
    """Lapsing visitors at `at` (epoch ms): by money at risk, then by probability of loss.

    With a `policy` each gets a win-back decision.
    """
    table = state.table
    chance = np.clip(lapse_probability(habits, table, at, wanted.within_days), 0, 1)
    away = (at - table["last"]) / DAY_MS
    asked = (away >= wanted.absent_from) & (away < wanted.absent_to) & (chance >= wanted.least)
    places = np.flatnonzero(asked & (table["sessions"] >= wanted.sessions))
    order = np.lexsort((-chance[places], -chance[places] * table["spend"][places]))
    version = version_of(habits)
    return [
        LapsingFindings(
            state.partitions[place],
            _record(state.ids[place], table[place], float(chance[place]), version, at, wanted, policy),
        )
        for place in places[order][: wanted.limit].tolist()
    ]


def version_of(habits: LapsingParameters) -> str:
    """The model's name and a digest of its parameters."""
    return f"mbg-nbd-{xxhash.xxh3_64_hexdigest(msgspec.json.encode(habits))[:8]}"


def _record(
    name: str,
    row: np.void,
    chance: float,
    version: str,
    at: int,
    wanted: Wanted,
    policy: Policy | None,
) -> LapsingVisitor:
    return LapsingVisitor(
        visitor_id=name,
        lost_probability=round(chance, 6),
        within_days=wanted.within_days,
        last_ts=int(row["last"]),
        sessions=int(row["sessions"]),
        orders=int(row["orders"]),
        value=int(row["spend"]) / MILLI,
        model_version=version,
        reason=reason(row, at),
        as_of=at,
        win_back=UNSET if policy is None else _win_back(policy, name, row, chance),
    )


def _win_back(policy: Policy, name: str, row: np.void, chance: float) -> WinBack:
    made = win_back(policy, name, int(row["last"]), chance, int(row["cart"]))
    return msgspec.convert(made, WinBack)


def reason(row: np.void, at: int) -> str:
    """The record in words."""
    away, over = (at - row["last"]) / DAY_MS, (row["last"] - row["first"]) / DAY_MS
    came, span = count(int(row["sessions"]), "session"), count(round(over), "day")
    parts = [f"away for {count(round(away), 'day')}", f"came in {came} over {span}"]
    if row["orders"]:
        parts.append(f"{count(int(row['orders']), 'order')} worth {money(row['spend'] / MILLI, '')}")
    if row["cart"]:
        parts.append(f"left a cart worth {money(row['cart'] / MILLI, '')}")
    return "; ".join(parts)


def publish(to: Connection, topic: str, found: Sequence[LapsingFindings]) -> int:
    """Send the records, each to its visitor's partition under the visitor's id. Returns how many."""
    with producer(to) as client:
        for future in list(_sent(client, topic, found)):
            future.get(60)
    return len(found)


def _sent(client: Any, topic: str, found: Sequence[LapsingFindings]) -> Iterator[Any]:
    for partition, record in found:
        yield client.send(topic, encode(record), record.visitor_id.encode(), partition=partition)
