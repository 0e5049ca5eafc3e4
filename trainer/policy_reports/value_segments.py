"""Values by segment of the context: where a policy is good, and where a log says too little."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.errors import PathcastError
from trainer.off_policy.intervals import Single
from trainer.policy_reports.policy_value import HEADLINE, Judged, PolicyJudge, known

#: Words with a segment of their own; the rest share one. Numbers are divided at their quartiles.
_WORDS = 12


def by_segment(judge: PolicyJudge, judged: Judged, column: str) -> list[dict[str, Any]]:
    """One row for each segment: decisions, mean logged reward, and the value with interval and size.

    The values are of `dr`, or of the first estimator where that was not asked for. Raises PathcastError for
    a column that is no context.
    """
    context = judge.logged.context
    if column not in context.columns:
        raise PathcastError(
            f"--segment {column}: expected a column of the context, which are "
            f"{', '.join(context.columns) or 'none'}"
        )
    if not judged.terms:
        raise PathcastError("--segment needs an estimator beside fqe: name dr by --estimators")
    name = HEADLINE if HEADLINE in judged.terms else next(iter(judged.terms))
    return [_row(judge, judged, name, label, chosen) for label, chosen in _segments(context[column])]


def _row(
    judge: PolicyJudge, judged: Judged, name: str, label: str, chosen: NDArray[np.bool_]
) -> dict[str, Any]:
    terms = judged.terms[name].part(chosen)
    interval = judge.interval(Single(terms), judge.units.part(chosen))
    return {
        "segment": label,
        "decisions": int(chosen.sum()),
        "on_policy": float(judge.logged.reward[chosen].mean()),
        "estimator": name,
        "value": known(terms.value),
        "low": known(interval.low),
        "high": known(interval.high),
        "ess": terms.effective,
    }


def _segments(column: pl.Series) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    parts = _words(column) if column.dtype == pl.String else _quartiles(column)
    yield from ((label, chosen) for label, chosen in parts if chosen.any())


def _words(column: pl.Series) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    words = column.fill_null("unknown")
    counts = words.value_counts(sort=True)[column.name].to_list()
    kept = sorted(counts[:_WORDS])
    for word in kept:
        yield word, (words == word).to_numpy()
    yield "others", ~words.is_in(kept).to_numpy()


def _quartiles(column: pl.Series) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    values = column.to_numpy().astype(np.float64)
    present = np.isfinite(values)
    if present.any():
        edges = np.unique(np.quantile(values[present], [0, 0.25, 0.5, 0.75, 1]))
        last = len(edges) - 2
        for at, (low, high) in enumerate(pairwise(edges)):
            inside = (values >= low) & ((values < high) | (at == last))
            yield f"{low:g} to {'' if at == last else 'below '}{high:g}", inside & present
        if len(edges) == 1:
            yield f"{edges[0]:g}", present
    yield "unknown", ~present
