"""Tables of purchase intent pooled over the periods of a backtest."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from trainer.experiments.pooled_origins import SERVES, PooledLead, PooledMethod
from trainer.gate.gate_figures import Difference


def tables(pooled: Mapping[str, PooledMethod], periods: int) -> Iterator[Table]:
    """All methods, the calibration of what serves in each period, and its lead by click index."""
    if SERVES not in pooled:
        return
    yield _methods(pooled, periods)
    yield _calibration(pooled[SERVES])
    baselines = {name: method for name, method in pooled.items() if method.lead}
    if baselines:
        name = max(baselines, key=lambda one: baselines[one].areas.auc)
        yield _by_click(name, baselines[name].by_click)


def plain(pooled: Mapping[str, PooledMethod]) -> dict[str, Any]:
    """The same figures as JSON values, for each baseline."""
    return {name: _plain(method) for name, method in pooled.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return {name: _plain(part) for name, part in value._asdict().items()}  # type: ignore[attr-defined]
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _methods(pooled: Mapping[str, PooledMethod], periods: int) -> Table:
    titles = ("method", "AUC", "AP", "AUC by session", "AP by session", "AUC behind by", "AP behind by")
    table = Table(*titles, title=f"pooled over {periods} periods")
    for name, method in pooled.items():
        cells = (f"{figure:.4f}" for figure in (*method.areas, *method.session_areas))
        table.add_row(name, *cells, *_lead(method.lead))
    table.caption = f"behind by: what {SERVES} is ahead of the method, 95% over visitors"
    return table


def _calibration(serves: PooledMethod) -> Table:
    table = Table("period", "ECE", "top-decile ECE", "slope", title="calibration by period")
    for number, one in enumerate(serves.calibration, start=1):
        table.add_row(str(number), *(f"{figure:.4f}" for figure in one))
    return table


def _by_click(name: str, leads: Mapping[str, PooledLead]) -> Table:
    table = Table("click", "AUC", "average precision", title=f"ahead of {name} by click index")
    for at, lead in leads.items():
        table.add_row(at, *_lead(lead))
    return table


def _lead(lead: PooledLead | None) -> tuple[str, ...]:
    return tuple(map(_difference, lead)) if lead else ("", "")


def _difference(one: Difference) -> str:
    return f"{one.ahead:+.4f} ({one.low:+.4f} to {one.high:+.4f})"
