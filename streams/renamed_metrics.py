"""Metrics under the names that they had in the version before, so that dashboards have time to follow."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

#: How the help text of a former name begins.
DEPRECATED = "Deprecated: use "


@dataclass(frozen=True)
class FormerName:
    """The family name that a metric had, without `_total`, and the labels that told it from its siblings."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)


class FormerNames(Collector):
    """Exports metrics a second time under one former name; several metrics may have shared it."""

    def __init__(self, name: str, metrics: Iterable[tuple[Collector, Mapping[str, str]]]) -> None:
        self._name, self._metrics = name, list(metrics)

    def collect(self) -> Iterator[Metric]:
        """The current samples, renamed; read at each scrape, so that both names always agree."""
        sources = [(family, labels) for metric, labels in self._metrics for family in metric.collect()]
        names = ", ".join(_exposed_name(family) for family, _ in sources)
        renamed = Metric(self._name, f"{DEPRECATED}{names}", sources[0][0].type)
        for family, labels in sources:
            for sample in family.samples:
                ending = sample.name.removeprefix(family.name)
                renamed.add_sample(self._name + ending, {**sample.labels, **labels}, sample.value)
        yield renamed


def _exposed_name(family: Metric) -> str:
    """The name that a scrape shows: counters have a suffix."""
    return f"{family.name}_total" if family.type == "counter" else family.name
