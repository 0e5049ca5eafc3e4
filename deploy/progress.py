"""What a training run shows while it lasts."""

import os

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from trainer import fit


def use_cores() -> None:
    """Threads that wait for each other lose more than they bring as soon as anything else runs here."""
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))


class Bar:
    """The progress of the epochs: loss of the batch, and the last validation's figures."""

    def __init__(self, console: Console) -> None:
        shown = "{task.fields[at]}  loss {task.fields[loss]}  {task.fields[valid]}"
        columns = TextColumn(shown), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn()
        self.progress = Progress(*columns, console=console)
        self._task = self.progress.add_task("", total=1.0, at="reading the log", loss="-", valid="")

    def __call__(self, at: fit.Progress) -> None:
        """Report of the fit: done is what is nearer, the last epoch or the end of the time."""
        valid = f"next item {at.next_loss:.3f}, intent AUC {at.auc:.3f}" if at.judged else ""
        where, loss = f"{at.stage}, epoch {at.epoch + 1}", f"{at.loss:.3f}"
        self.progress.update(self._task, completed=at.done, at=where, loss=loss, valid=valid)
