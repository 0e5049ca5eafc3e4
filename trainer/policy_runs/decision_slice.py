"""The newest decisions of an event log with their rewards, as one table of logged decisions.

Decisions with a reward record come from `rewards`. Those of the `none` action have none there: they come from
`ad-decisions`, with a reward of 0, for the time that the rewards cover.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from models.contract.decision_context import inputs_mark
from models.durable_files import replacing
from models.policies.context_columns import HIDDEN
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_tables import BY_NAME, REWARDS, LogTable
from trainer.policy_runs.policy_workdir import PolicyRunError

DECISIONS: Final = BY_NAME["ad-decisions"]
_CONTEXT: Final = pl.Struct(
    {
        "purchase_probability": pl.Float64,
        "stage": pl.String,
        "cart_milli": pl.Int64,
        "event": pl.String,
        "click": pl.Float64,
        "mask": pl.Int64,
        "session_risk": pl.Float64,
        "vector": pl.List(pl.Float64),
    }
)
_KEPT: Final = (
    *("decision_id", "visitor_id", "action", "propensity", "probabilities", "context"),
    *("policy_version", "model_version"),
)
#: Context columns of every live decision.
BASE: Final = ("purchase_probability", "stage", "cart_value", "event", "click", "session_risk")


@dataclass(frozen=True)
class DecisionSlice:
    """What a run reads: `placement` whose action without effect is `none`, the `most` newest decisions.

    `inputs` are the names of the context's vector. Decisions that were recorded with others are left out, and
    so are those of other networks than the newest decision's where session states are among them: states of
    two networks have nothing in common.
    """

    placement: str
    none: str
    inputs: tuple[str, ...]
    most: int

    @property
    def context(self) -> tuple[str, ...]:
        """The context columns of the table."""
        return (*BASE, *self.inputs)

    def write(self, log: EventLog, to: Path) -> int:
        """Write the table to a Parquet file; returns how many decisions it has. Equal logs give equal tables.

        Raises EventLogError, and PolicyRunError for a log without rewards of the placement, or of its inputs.
        """
        rewarded = self._newest(log, REWARDS, pl.col("reward"))
        if not len(rewarded):
            raise PolicyRunError(
                f"{log.place.url} has no rewards of the placement {self.placement}: workers publish them "
                f"when attribution windows close{self._recorded}"
            )
        within = pl.col("ts").is_between(rewarded["ts"].min(), rewarded["ts"].max())
        nothing = self._newest(log, DECISIONS, pl.lit(0.0).alias("reward"))
        idle = nothing.filter(within, pl.col("action") == self.none)
        rows = pl.concat([rewarded, idle]).unique("decision_id", keep="first", maintain_order=True)
        rows = self._of_one_network(rows.sort("ts", "decision_id"))
        table = self._table(rows.tail(self.most))
        with replacing(to) as path:
            table.write_parquet(path)
        return len(table)

    @property
    def _recorded(self) -> str:
        if not self.inputs:
            return ""
        return f", with {', '.join(self.inputs)} once the actions file names them under inputs"

    def _of_one_network(self, rows: pl.DataFrame) -> pl.DataFrame:
        """With the column `network`, empty where any network's decisions are alike."""
        if not any(name.startswith(HIDDEN) for name in self.inputs):
            return rows.with_columns(network=pl.lit(""))
        scored = rows.filter(pl.col("model_version") != "")
        if scored.is_empty():
            raise PolicyRunError(
                f"no network answered the {len(rows)} decisions of the placement {self.placement}, so they "
                "have no session states: announce one, or leave hidden:N out of the actions file's inputs"
            )
        return scored.filter(pl.col("model_version") == pl.col("model_version").last()).with_columns(
            network=pl.col("model_version")
        )

    def _newest(self, log: EventLog, table: LogTable, reward: pl.Expr) -> pl.DataFrame:
        """Rows of the newest files until there are enough, columns _KEPT, `ts` and `reward`."""
        files = [file for found in log.manifests(table.name) for file in found.files if file.until]
        frames, count = list[pl.DataFrame](), 0
        columns = [*_KEPT, table.time, "placement", "_refused", *(("reward",) if table is REWARDS else ())]
        for file in sorted(files, key=lambda file: file.until or 0, reverse=True):
            if count >= self.most:
                break
            frame = log.read(file, columns).filter(
                pl.col("_refused").is_null(),
                pl.col("placement") == self.placement,
                pl.col("policy_version").str.ends_with(inputs_mark(self.inputs)),
            )
            frames.append(frame.select(*_KEPT, reward, pl.col(table.time).alias("ts")))
            count += len(frame)
        return pl.concat(frames) if frames else pl.DataFrame(schema=[*_KEPT, "reward", "ts"])

    def _table(self, rows: pl.DataFrame) -> pl.DataFrame:
        context = pl.col("context").str.json_decode(_CONTEXT)
        known = rows.with_columns(context, names=_names(pl.col("probabilities")))
        base = [
            (pl.col("context").struct.field("cart_milli") / 1000).alias("cart_value")
            if name == "cart_value"
            else pl.col("context").struct.field(name)
            for name in BASE
        ]
        vector = pl.col("context").struct.field("vector")
        fits = vector.list.len() == len(self.inputs)
        inputs = [
            pl.when(fits).then(vector.list.get(at, null_on_oob=True)).alias(name)
            for at, name in enumerate(self.inputs)
        ]
        fields = ["visitor_id", "ts", "action", "propensity", "probabilities", "reward", "allowed", "network"]
        return _with_allowed(known).select(*fields, *base, *inputs)


def _names(probabilities: pl.Expr) -> pl.Expr:
    """The action set of a decision, `"a"|"b"`, in the order of its bits."""
    return probabilities.str.extract_all(r'"[^"]+"').list.join("|")


def _with_allowed(rows: pl.DataFrame) -> pl.DataFrame:
    """With `allowed`, the names of the allowed actions, `a|b`. Sets of actions and masks are few."""
    mask = pl.col("context").struct.field("mask")
    pairs = rows.select("names", mask).unique()
    allowed = [_allowed(names, bits) for names, bits in pairs.iter_rows()]
    found = pairs.with_columns(pl.Series("allowed", allowed, dtype=pl.String))
    return rows.with_columns(mask).join(found, on=["names", "mask"], how="left", maintain_order="left")


def _allowed(names: str, mask: int) -> str:
    chosen: Sequence[str] = [name.strip('"') for name in names.split("|")]
    return "|".join(name for at, name in enumerate(chosen) if mask >> at & 1)


def network_of(table: Path) -> str:
    """The network whose session states a written table has; empty where it has none."""
    known = "network" in pl.read_parquet_schema(table)
    return str(pl.read_parquet(table, columns=["network"]).item(0, 0)) if known else ""
