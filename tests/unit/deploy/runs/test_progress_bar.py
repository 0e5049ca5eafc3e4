"""What a training run shows: where it is, its loss, the last validation, and how long it will still take."""

import io

from rich.console import Console

from deploy.runs.progress_bar import Bar, ProgressLines
from trainer.loop.progress import Progress, begins


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


def test_without_a_terminal_each_epoch_is_a_line_at_once() -> None:
    written = io.StringIO()
    bar = Bar(Console(file=written, width=40), every=60)
    with bar.progress:
        assert "reading the log" in written.getvalue()
        for epoch in range(2):
            for batch in range(3):
                bar(Progress(epoch, batch, 3, 1.25, 0.7, 6.5, (3 * epoch + batch) / 6))
            assert f"training, epoch {epoch + 1}: {epoch / 2:.0%} done, loss 1.250" in written.getvalue()
        bar(Progress(1, 2, 3, 1.25, 0.7, 6.5, 1.0))
        bar(begins("baselines"))
    lines = written.getvalue().splitlines()
    assert len(lines) == 5
    assert lines[-2].endswith("training: epochs finished")
    assert lines[-1].endswith("s  baselines")


def test_the_bar_names_a_step_without_epochs() -> None:
    assert "baselines  loss -" in shown(begins("baselines"))


def test_without_a_terminal_what_reports_nothing_is_seen_to_go_on() -> None:
    now, written = [0.0], io.StringIO()
    lines = ProgressLines(Console(file=written), "reading the log", every=10, clock=lambda: now[0])
    for second in range(31):
        now[0] = float(second)
        lines.tick()
    assert [line.strip() for line in written.getvalue().splitlines()] == [
        f"{second} s  reading the log" for second in (10, 20, 30)
    ]


def test_a_terminal_that_cannot_draw_gets_lines(monkeypatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    written = io.StringIO()
    bar = Bar(Console(file=written, force_terminal=True, width=160))
    with bar.progress:
        bar(begins("baselines"))
    assert written.getvalue().splitlines()[-1].endswith("s  baselines")


def test_short_work_says_nothing_and_long_work_names_its_step() -> None:
    now, written = [0.0], io.StringIO()
    lines = ProgressLines(
        Console(file=written), "reading the log", every=10, clock=lambda: now[0], at_once=False
    )
    with lines:
        lines("evaluating", "evaluating")
        assert written.getvalue() == ""
        now[0] = 12.0
        lines.tick()
    assert written.getvalue().strip() == "12 s  evaluating"
