"""Outcomes of an experiment by visitor: the unit that was assigned, and so the unit that is compared.

A visitor's outcomes are those of a window that begins with the first decision that names the experiment. A
visitor counts once the window is over. Then outcomes do not change any more, and visitors are one sequence of
independent observations, which sequential intervals need.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.contract.head_table import STATES
from models.experiments.experiment import Experiment

Floats = NDArray[np.float64]

#: Outcomes: whether the visitor bought, money spent, cost of the actions, and what is left of the money.
METRICS: Final = ("conversion", "value", "cost", "net")
_COLUMNS: Final = {
    "event_id": pl.String,
    "visitor": pl.String,
    "ts": pl.Int64,
    "arm": pl.String,
    "action": pl.String,
    "event": pl.String,
    "stage": pl.String,
    "probability": pl.Float64,
    "cart": pl.Float64,
    "risk": pl.Float64,
    "intent": pl.String,
}
STAGES: Final = ("browsing", "cart", "checkout", "bought")


@dataclass(frozen=True, slots=True)
class Visitors:
    """Visitors whose windows are over, in the order in which they ended; arrays are [n].

    `arm` are positions in `names`. `features` [n, d] with `feature_names` are of the visitor's first
    decision, as are the words of `segments` (by the name of the segmentation). `pending` are visitors whose
    window goes on, `moved` those with decisions of several arms, who are left out.
    """

    names: tuple[str, ...]
    arm: NDArray[np.int64]
    outcomes: Mapping[str, Floats]
    features: Floats
    feature_names: tuple[str, ...]
    segments: Mapping[str, list[str]]
    assigned: NDArray[np.int64]
    pending: int
    moved: int

    def __len__(self) -> int:
        return len(self.arm)


def decision_row(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """A decoded `AdDecision` as a row for `visitors_of`."""
    context = record["context"]
    vector = context.get("vector") or ()
    guided = str(record.get("policy", "")).startswith("guidance") and len(vector) == len(STATES)
    return (
        record["event_id"],
        record["visitor_id"],
        record["ts"],
        context["arm"],
        record["action"],
        context["event"],
        context["stage"],
        context["purchase_probability"],
        context["cart_milli"] / 1000,
        context.get("session_risk"),
        STATES[int(np.argmax(vector))] if guided else None,
    )


def visitors_of(
    experiment: Experiment,
    decisions: Iterable[Sequence[Any]],
    paid: Mapping[str, float],
    costs: Mapping[str, float],
    window_ms: int,
    as_of: int | None = None,
    margin: float = 1.0,
) -> Visitors:
    """From rows of `decision_row`: those of `experiment`, repeated ones count once.

    `paid` is money by the event id of a purchase, `costs` what one use of an action costs, `as_of` the event
    time reached (epoch ms; the newest decision's by default). Net is money times `margin`, less cost.
    """
    rows = pl.DataFrame(list(decisions), schema=_COLUMNS, orient="row")
    rows = rows.unique("event_id", keep="first", maintain_order=True).sort("ts", maintain_order=True)
    found = _by_visitor(rows, paid, costs, window_ms)
    stayed = found.filter((pl.col("arms") == 1) & pl.col("arm").is_in(list(experiment.names)))
    reached = as_of if as_of is not None else int(rows["ts"].max() or 0)  # type: ignore[arg-type]
    over = stayed.filter(pl.col("ts") + window_ms <= reached)
    places = {name: place for place, name in enumerate(experiment.names)}
    outcomes = {name: over[name].to_numpy().astype(np.float64) for name in ("conversion", "value", "cost")}
    features, names = _features(over)
    return Visitors(
        experiment.names,
        np.array([places[name] for name in over["arm"]], dtype=np.int64),
        outcomes | {"net": margin * outcomes["value"] - outcomes["cost"]},
        features,
        names,
        _segments(over),
        np.bincount([places[name] for name in stayed["arm"]], minlength=len(places)),
        len(stayed) - len(over),
        len(found) - len(stayed),
    )


def _by_visitor(
    rows: pl.DataFrame, paid: Mapping[str, float], costs: Mapping[str, float], window_ms: int
) -> pl.DataFrame:
    """One row a visitor, in the order of the first decisions; the first click's purchase is no outcome."""
    money = pl.col("event_id").replace_strict(dict(paid), default=0.0, return_dtype=pl.Float64)
    cost = pl.col("action").replace_strict(dict(costs), default=0.0, return_dtype=pl.Float64)
    begun = pl.col("ts").min().over("visitor")
    inside = pl.col("ts") < begun + window_ms
    bought = inside & (pl.col("event") == "purchase") & (pl.col("ts") > begun)
    rows = rows.with_columns(
        bought=bought,
        money=pl.when(bought).then(money).otherwise(0.0),
        spent=pl.when(inside).then(cost).otherwise(0.0),
    )
    kept = [name for name in _COLUMNS if name not in ("visitor", "event_id")]
    return rows.group_by("visitor", maintain_order=True).agg(
        *(pl.col(name).first() for name in kept),
        arms=pl.col("arm").n_unique(),
        conversion=pl.col("bought").any().cast(pl.Float64),
        value=pl.col("money").sum(),
        cost=pl.col("spent").sum(),
    )


def _segments(over: pl.DataFrame) -> dict[str, list[str]]:
    """Words by segmentation. Intents count only where every arm's decisions have them."""
    kinds = ("stage",) if over["intent"].has_nulls() else ("stage", "intent")
    words = {kind: over[kind].to_list() for kind in kinds}
    return {kind: found for kind, found in words.items() if len(set(found)) > 1}


def _features(over: pl.DataFrame) -> tuple[Floats, tuple[str, ...]]:
    """What is known at the first decision, and so before any treatment."""
    intents = () if over["intent"].has_nulls() else STATES
    columns = {
        "probability": over["probability"].to_numpy(),
        "cart": np.log1p(over["cart"].to_numpy()),
        "risk": over["risk"].fill_null(0.0).to_numpy(),
        **{f"stage {name}": (over["stage"] == name).to_numpy() for name in STAGES},
        **{f"intent {name}": (over["intent"] == name).to_numpy() for name in intents},
    }
    values = np.column_stack([np.asarray(one, dtype=np.float64) for one in columns.values()])
    return values, tuple(columns)
