"""How a metric is a field of `streams.metrics.Metrics`, and counters that keep only their latest labels."""

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
    """Counts under labels of which new ones keep coming, and drops the counters of the oldest."""

    def __init__(self) -> None:
        self._known: dict[str, None] = {}

    def count(self, counter: Counter, label: str, number: int) -> None:
        """Add to the label's counter, and keep those of the last VERSIONS_SHOWN labels."""
        counter.labels(label).inc(number)
        self._known.pop(label, None)
        self._known[label] = None
        while len(self._known) > VERSIONS_SHOWN:
            oldest = next(iter(self._known))
            del self._known[oldest]
            counter.remove(oldest)
