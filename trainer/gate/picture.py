"""The gate's picture: the candidate's lead, and calibration curves."""

import io
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainer.evaluation.holdout import Holdout
from trainer.gate.gate_figures import DECIDING, Contestant, Difference

BINS = 15


def picture(
    versions: Mapping[str, Contestant], ahead: Mapping[str, Mapping[str, Difference]], newest: Holdout
) -> bytes:
    """A PNG: the candidate's lead in each deciding figure with its 95% interval, and the versions'
    calibration.
    """
    figure = Figure(figsize=(12, 4), layout="constrained")
    panels = figure.subplots(1, 1 + len(DECIDING))
    for panel, name in zip(panels, DECIDING, strict=False):
        _lead(
            panel,
            name,
            {rival: differences[name] for rival, differences in ahead.items() if name in differences},
        )
    _reliability(panels[-1], versions, newest)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=100, metadata={"Software": None})
    return drawn.getvalue()


def _lead(panel: Axes, name: str, differences: Mapping[str, Difference]) -> None:
    for place, (ahead, low, high) in enumerate(differences.values()):
        panel.plot([low, high], [place, place], color="C0")
        panel.plot([ahead], [place], marker="o", color="C0")
    panel.axvline(0, color="grey", linewidth=1)
    panel.set_yticks(range(len(differences)), list(differences))
    panel.set(title=f"ahead in {name}")
    panel.invert_yaxis()


def _reliability(panel: Axes, versions: Mapping[str, Contestant], newest: Holdout) -> None:
    judged = newest.judged
    labels = newest.clicks.buys[judged]
    for name, contestant in versions.items():
        scores = contestant.purchase[judged]
        parts = np.array_split(np.argsort(scores, kind="stable"), min(BINS, len(scores)))
        predicted = [float(scores[part].mean()) for part in parts]
        panel.plot(predicted, [float(labels[part].mean()) for part in parts], marker="o", label=name)
    panel.axline((0, 0), slope=1, color="grey", linewidth=1)
    panel.set(title="calibration", xlabel="probability", ylabel="bought")
    panel.legend(fontsize=7)
