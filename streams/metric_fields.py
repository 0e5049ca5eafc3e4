"""How a metric is a field of `streams.metrics.Metrics`, and counters that keep only their latest labels."""

from contextlib import suppress
from dataclasses import field
from typing import Any

from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from streams.renamed_metrics import FormerName

#: Versions with a counter of answers; each promotion adds another one, and the oldest is dropped.
VERSIONS_SHOWN = 5
#: Bounds of histograms of seconds.
TIMINGS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


def metric(
    kind: type[MetricWrapperBase],
    name: str,
    meaning: str,
    *labels: str,
    former: FormerName | None = None,
    **options: Any,
) -> Any:
    """A field of `Metrics`, created with its registry; `former` is exported beside it for one version."""
    made = (kind, name, meaning, labels, options)
    return field(init=False, metadata={"made": made, "former": former})


class RecentLabels:
    """Labels of which new ones keep coming: metrics have those of the last `most`, the oldest are dropped."""

    def __init__(self, most: int = VERSIONS_SHOWN) -> None:
        self._most = most
        self._known: dict[tuple[str, ...], None] = {}

    def count(self, counter: Counter, label: str, number: int) -> None:
        """Add to the label's counter, and keep it."""
        counter.labels(label).inc(number)
        self.keep((label,), counter)

    def keep(self, labels: tuple[str, ...], *metrics: MetricWrapperBase) -> None:
        """Note that these are the latest labels of the metrics."""
        self._known.pop(labels, None)
        self._known[labels] = None
        while len(self._known) > self._most:
            oldest = next(iter(self._known))
            del self._known[oldest]
            for metric in metrics:
                with suppress(KeyError):  # not every metric has been told of every label
                    metric.remove(*oldest)
