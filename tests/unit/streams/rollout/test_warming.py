"""What is logged while kernels are compiled."""

from structlog.testing import capture_logs

from streams.rollout.warming import PROGRESS_SECONDS, KernelLog


def test_progress_is_told_at_intervals_and_in_the_end(monkeypatch):
    clock = iter([10.0, 10.5, 10.0 + PROGRESS_SECONDS, 20.0])
    monkeypatch.setattr("streams.rollout.warming.time.perf_counter", lambda: next(clock))
    progress = KernelLog()
    with capture_logs() as logs:
        for kernel in ("step", "answer", "trees"):
            progress.begins(kernel)
        progress.ends()
    assert [(line["event"], line.get("kernel")) for line in logs] == [
        ("compiling kernels", "step"),
        ("compiling kernels", "trees"),
        ("kernels compiled", None),
    ]
    assert logs[-1]["kernels"] == 3
    assert logs[-1]["seconds"] == 10.0


def test_a_full_cache_is_not_told():
    with capture_logs() as logs:
        KernelLog().ends()
    assert logs == []
