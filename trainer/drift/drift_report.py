"""Drift as a picture for people and as gauges for monitoring."""

import io

from matplotlib.figure import Figure
from prometheus_client import CollectorRegistry, Gauge

from trainer.drift.drift import Drift

#: Number of features shown in the picture and exported as gauges, those with the largest index first.
SHOWN = 15


class DriftMetrics:
    """Prometheus gauges of the last measured drift, in a registry of their own unless one is passed."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._stability = Gauge(
            "pathcast_drift_stability_index",
            "Population stability index of scores and of the most moved features.",
            ["of"],
            registry=self.registry,
        )
        self._purchases = Gauge(
            "pathcast_drift_purchases",
            "Share of clicks before a purchase: foreseen, and come.",
            ["which"],
            registry=self.registry,
        )
        self._items = Gauge(
            "pathcast_drift_new_items", "Share of clicks on unknown items.", registry=self.registry
        )
        self._alarms = Gauge(
            "pathcast_drift_alarms", "Limits that are exceeded: above 0, retrain.", registry=self.registry
        )

    def show(self, drift: Drift) -> None:
        """Set the gauges to a measured drift."""
        self._stability.clear()
        for name, index in {"score": drift.score, **dict(list(drift.features.items())[:SHOWN])}.items():
            self._stability.labels(name).set(index)
        self._purchases.labels("foreseen").set(drift.foreseen)
        self._purchases.labels("bought").set(drift.bought)
        self._items.set(drift.new_items)
        self._alarms.set(len(drift.alarms))


def picture(drift: Drift) -> bytes:
    """A PNG with stability indices of scores and features, predicted and actual purchases, and the share of
    new items.
    """
    figure = Figure(figsize=(12, 4), layout="constrained")
    panels = figure.subplots(1, 3, width_ratios=(3, 1, 1))
    indices = {"score": drift.score, **dict(list(drift.features.items())[:SHOWN])}
    panels[0].barh(list(indices), list(indices.values()))
    panels[0].invert_yaxis()
    for limit, style in ((0.1, ":"), (0.25, "--")):
        panels[0].axvline(limit, color="grey", linestyle=style)
    panels[0].set(title="population stability index")
    panels[1].bar(["foreseen", "bought"], [drift.foreseen, drift.bought])
    panels[1].set(title="share of clicks\nbefore a purchase")
    panels[2].bar(["validation", "now"], [drift.new_items_before, drift.new_items])
    panels[2].set(title="clicks on\nunknown items")
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=100, metadata={"Software": None})
    return drawn.getvalue()
