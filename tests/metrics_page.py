"""docs/metrics.md: a row for each metric of the worker, made from `streams/metrics.py`.

`python -m tests.metrics_page` writes the page; `tests/contract/test_docs_metrics.py` fails where it differs.
"""

from pathlib import Path

from prometheus_client.metrics_core import Metric

from gateway.http.gateway_metrics import GatewayMetrics
from streams.metrics import Metrics
from streams.renamed_metrics import DEPRECATED
from trainer.calibration.calibration_figures import CalibrationMetrics

PAGE = Path(__file__).parents[1] / "docs/metrics.md"
#: What Prometheus' text format adds to the name of a family.
SUFFIXES = {"counter": "_total", "info": "_info"}
INTRODUCTION = """\
# Metrics

The worker's metrics in Prometheus' format, served at `/metrics` of `PATHCAST_WEB_HOST` and \
`PATHCAST_WEB_PORT`. All figures are of one worker; sum or compare them over workers. \
`python -m tests.metrics_page` writes this page.

```console
$ curl -s http://127.0.0.1:6066/metrics
```

| metric | type | labels | meaning |
|---|---|---|---|
"""
AFTER = """
A histogram has `_bucket`, `_sum` and `_count` beside its name. `rung` is the fallback tier that answered: \
`neural`, `session_knn`, `popular_in_category` or `popular`.

Other processes write gauges of their own as a file for Prometheus' textfile collector: \
`pathcast drift --metrics` ([drift](trainer/drift.md)), \
`pathcast pacer run --metrics` ([budgets](policies/budgets.md)), \
`pathcast log stats --metrics` and the trainer \
([event log](trainer/log.md#refused-rows)).
"""
GATEWAY = """
## Gateway

Served at `/metrics` of `pathcast gateway` ([gateway](gateway.md)). `route` is the pattern of a route, \
`none` an unknown path.

| metric | type | labels | meaning |
|---|---|---|---|
"""
TRAINER = """
## Trainer

Written by `pathcast trainer` to the file `PATHCAST_TRAINER_METRICS`, beside the gauges of the event log. \
All are of published purchase probabilities of the last `PATHCAST_CALIBRATION_DAYS` days (7) whose session \
is over ([calibration](trainer/calibration.md)).

| metric | type | labels | meaning |
|---|---|---|---|
"""
FORMER = """
## Deprecated names

These names are exported with the same values beside the current ones, and go with the next version. \
`pathcast_shadow` has one sample for each of its current names, told apart by the label `figure`.

| deprecated | current |
|---|---|
"""


def exported() -> dict[str, Metric]:
    """Every family of a worker, by the name under which it is exported."""
    collected = Metrics().registry.collect()
    return {f"{family.name}{SUFFIXES.get(family.type, '')}": family for family in collected}


def families() -> dict[str, Metric]:
    """Those of them that are not former names."""
    return {
        name: family for name, family in exported().items() if not family.documentation.startswith(DEPRECATED)
    }


def former() -> dict[str, list[str]]:
    """The current names by former name."""
    return {
        name: family.documentation.removeprefix(DEPRECATED).split(", ")
        for name, family in sorted(exported().items())
        if family.documentation.startswith(DEPRECATED)
    }


def labels() -> dict[str, tuple[str, ...]]:
    """Labels by family; an info's are those of its content."""
    metrics = Metrics()
    named = {one._name: one._labelnames for one in vars(metrics).values() if hasattr(one, "_labelnames")}
    return named | {"pathcast_model": ("version",)}


def rows_of(metrics: GatewayMetrics | CalibrationMetrics) -> list[str]:
    """A row for each metric of the gateway or of the trainer's calibration."""
    named = {one._name: one._labelnames for one in vars(metrics).values() if hasattr(one, "_labelnames")}
    return [
        f"| `{family.name}{SUFFIXES.get(family.type, '')}` | {family.type} |{_listed(named[family.name])}| "
        f"{family.documentation} |"
        for family in sorted(metrics.registry.collect(), key=lambda one: one.name)
    ]


def _listed(labels: tuple[str, ...]) -> str:
    return f" {', '.join(f'`{label}`' for label in labels)} " if labels else " "


def page() -> str:
    """The whole page."""
    named = labels()
    rows = []
    for name, family in sorted(families().items()):
        of = ", ".join(f"`{label}`" for label in named[family.name])
        rows.append(f"| `{name}` | {family.type} |{f' {of} ' if of else ' '}| {family.documentation} |")
    renamed = [f"| `{name}` | {', '.join(f'`{one}`' for one in now)} |" for name, now in former().items()]
    return (
        INTRODUCTION
        + "\n".join(rows)
        + "\n"
        + AFTER
        + GATEWAY
        + "\n".join(rows_of(GatewayMetrics()))
        + "\n"
        + TRAINER
        + "\n".join(rows_of(CalibrationMetrics()))
        + "\n"
        + FORMER
        + "\n".join(renamed)
        + "\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
