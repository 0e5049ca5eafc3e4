"""The learning curve as a picture: loss of the batches and validation, by epoch."""

import io
from collections.abc import Sequence

from matplotlib.figure import Figure

from trainer.loop.progress import Point


def picture(curve: Sequence[Point]) -> bytes:
    """A PNG, the same bytes for the same curve; empty bytes for an empty curve."""
    if not curve:
        return b""
    figure = Figure(figsize=(9, 3), layout="constrained")
    panels = figure.subplots(1, 3)
    titles = ("loss of the batches", "next item, loss on validation", "intent, AUC on validation")
    for panel, title, field in zip(panels, titles, ("loss", "next_loss", "auc"), strict=True):
        for stage in dict.fromkeys(point.stage for point in curve):
            points = [point for point in curve if point.stage == stage]
            values = [getattr(point, field) for point in points]
            panel.plot([point.epoch + 1 for point in points], values, marker="o", label=stage)
        panel.set(title=title, xlabel="epoch")
    panels[0].legend()
    drawn = io.BytesIO()
    # Without the library's version, equal curves give equal bytes.
    figure.savefig(drawn, format="png", dpi=100, metadata={"Software": None})
    return drawn.getvalue()
