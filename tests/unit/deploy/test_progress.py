"""What a training run shows: where it is, its loss, the last validation, and how long it will still take."""

import io

from rich.console import Console

from deploy.progress import Bar
from trainer.progress import Progress


def shown(*reports: Progress) -> str:
    written = io.StringIO()
    bar = Bar(Console(file=written, force_terminal=True, width=160))
    with bar.progress:
        bar.progress.refresh()
        for report in reports:
            bar(report)
            bar.progress.refresh()
    return written.getvalue()


def test_the_bar_shows_stage_epoch_loss_and_metrics() -> None:
    assert "reading the log" in shown()
    first = shown(Progress(0, 3, 9, 4.5678, 0.5, float("nan"), 0.1, "pretraining"))
    assert "pretraining, epoch 1  loss 4.568" in first
    assert "next item" not in first
    later = shown(Progress(2, 1, 9, 1.25, 0.7712, 6.5, 0.5))
    assert "training, epoch 3  loss 1.250  next item 6.500, intent AUC 0.771" in later


def test_the_time_that_is_left_is_shown_once_it_is_known() -> None:
    reports = [Progress(0, number, 10, 1.0, 0.5, 1.0, number / 10) for number in range(1, 6)]
    # Elapsed and remaining time, h:mm:ss each.
    assert shown(*reports).count("0:00:0") > len(reports)
