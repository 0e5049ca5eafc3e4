"""Records of the topic `rewards` as a table of logged decisions.

Decisions of the `none` action have no reward record. A log without them would say how good actions are where
one was taken, not how good a policy is that may take none; so they are added from `ad-decisions`, with a
reward of 0 (`with_none`).
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
import polars as pl

from models.contract.decision_context import Context
from models.contract.rewards import Reward, RewardParts
from models.feedback.reward_mix import RewardMix
from trainer.eventlog.log import EventLog

#: Columns that describe the decision, beside its fields.
ABOUT: Final = ("decision_id", "placement", "policy", "policy_version", "model_version", "ended")
#: Columns of the context, before those of the policy's own inputs (`vector_0`, ...).
CONTEXT: Final = ("purchase_probability", "stage", "cart_value", "event", "click", "session_risk")
PARTS: Final = tuple(f"part_{name}" for name in RewardParts.__struct_fields__)
_VECTOR: Final = "vector_"
_SCHEMA: Final[dict[str, Any]] = {
    **dict.fromkeys(
        ("visitor_id", "action", "creative", "probabilities", "stage", "event", *ABOUT), pl.String
    ),
    **dict.fromkeys(("ts", "closed_at", "click"), pl.Int64),
    **dict.fromkeys(
        ("propensity", "reward", "purchase_probability", "cart_value", "session_risk"), pl.Float64
    ),
    **dict.fromkeys(PARTS, pl.Float64),
    "allowed": pl.List(pl.String),
}
_JSON: Final = ("context", "probabilities", "outcomes", "parts")


def reward_table(rewards: Iterable[Reward], mix: RewardMix | None = None) -> pl.DataFrame:
    """One row for each record, as `read_decisions` takes it; `mix` mixes the recorded parts anew.

    What an action cost is in its parts only where it was spent when the record was written.
    """
    return _frame(_row(one, mix) for one in rewards)


def context_columns(table: pl.DataFrame) -> list[str]:
    """The columns that are context, in a table of this module."""
    return [*CONTEXT, *(name for name in table.columns if name.startswith(_VECTOR))]


def from_event_log(log: EventLog, since: int = 0, mix: RewardMix | None = None) -> pl.DataFrame:
    """The rewards that an event log holds of decisions made from `since` (epoch ms) on.

    Raises EventLogError.
    """
    found = _rows(log)
    return reward_table((one for one in found if one.decided_at >= since), mix)


def with_none(log: EventLog, rewards: pl.DataFrame) -> pl.DataFrame:
    """The same with the log's decisions for nothing, of the time that the rewards span.

    An action that has no reward at all is taken for `none`. Raises EventLogError.
    """
    if rewards.is_empty():
        return rewards
    first, last = rewards.select(pl.col("ts").min(), pl.col("ts").max().alias("last")).row(0)
    known = set(rewards["action"].unique())
    frames = [
        log.read(file).filter(
            pl.col("_refused").is_null(),
            pl.col("ts").is_between(first, last),
            ~pl.col("action").is_in(known),
        )
        for manifest in log.manifests("ad-decisions")
        for file in manifest.files
    ]
    rows = (_none(row) for frame in frames for row in frame.iter_rows(named=True))
    return pl.concat([rewards, _frame(rows)], how="diagonal").sort("ts", "decision_id")


def _rows(log: EventLog) -> Iterator[Reward]:
    names = list(Reward.__struct_fields__)
    for manifest in log.manifests("rewards"):
        for file in manifest.files:
            frame = log.read(file).filter(pl.col("_refused").is_null())
            for row in frame.select(names).iter_rows(named=True):
                said: dict[str, Any] = {name: value for name, value in row.items() if value is not None}
                said.update((name, msgspec.json.decode(said[name])) for name in _JSON if name in said)
                yield msgspec.convert(said, Reward)


def _frame(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    found = list(rows)
    width = max((len(row["_vector"]) for row in found), default=0)
    vectors = {f"{_VECTOR}{at}": pl.Float64 for at in range(width)}
    for row in found:
        row.update(zip(vectors, row.pop("_vector"), strict=False))
    return pl.DataFrame(found, schema={**_SCHEMA, **vectors})


def _row(one: Reward, mix: RewardMix | None) -> dict[str, Any]:
    parts = msgspec.structs.asdict(one.parts)
    return {
        **{name: getattr(one, name) for name in (*ABOUT, "visitor_id", "action", "creative", "closed_at")},
        "ts": one.decided_at,
        "propensity": one.propensity,
        "reward": one.reward if mix is None else mix.reward(one.parts),
        **{f"part_{name}": value for name, value in parts.items()},
        **_said(one.context, one.probabilities),
    }


def _none(row: dict[str, Any]) -> dict[str, Any]:
    context = msgspec.json.decode(row["context"], type=Context)
    return {
        **{name: row[name] for name in ("decision_id", "placement", "policy_version", "model_version", "ts")},
        **{name: row[name] for name in ("visitor_id", "action", "propensity")},
        "policy": row["policy"] or "rules",
        "reward": 0.0,
        **dict.fromkeys(PARTS, 0.0),
        **_said(context, msgspec.json.decode(row["probabilities"], type=dict[str, float])),
    }


def _said(context: Context, probabilities: dict[str, float]) -> dict[str, Any]:
    return {
        "probabilities": msgspec.json.encode(probabilities).decode(),
        "allowed": [name for at, name in enumerate(probabilities) if context.mask >> at & 1],
        "purchase_probability": context.purchase_probability,
        "stage": context.stage,
        "cart_value": context.cart_milli / 1000,
        "event": context.event,
        "click": context.click,
        "session_risk": context.session_risk,
        "_vector": context.vector or [],
    }
