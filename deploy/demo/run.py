"""The demo from start to end: set-up, clicks at a watchable speed, the view, and the summary."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from rich.console import Console
from rich.live import Live

from deploy.cluster.records import RecordSource
from deploy.cluster.replay import Pace, ReplayReport, replay
from deploy.demo import demo_figures
from deploy.demo.board import Board
from deploy.demo.learning import DemoPlan
from deploy.demo.retraining import Retraining
from deploy.demo.setup import DemoError
from deploy.demo.simulated_outcomes import SimulatedOutcomes, shipped_actions
from deploy.demo.stage import Stage, stage
from deploy.demo.view import View
from deploy.demo.watch import Background, lag_reader, trainer_reader, watcher

REFRESH_SECONDS, LINE_SECONDS = 0.25, 5.0
#: Answers may still be under way when the last click has been sent.
LAST_ANSWERS_SECONDS = 10.0


class Demo:
    """One run of the demo.

    `seconds` of live view (None: until Ctrl-C or the end of the log), `rate` clicks per second; `plan` says
    when models are trained (None: never).
    """

    def __init__(self, console: Console, seconds: float | None, rate: float, plan: DemoPlan | None) -> None:
        self._console, self._seconds, self._rate, self._plan = console, seconds, rate, plan

    def run(self) -> Board:
        """Everything; returns what was seen. Raises PathcastError; KeyboardInterrupt before it is live."""
        with _ending_politely(), stage(self._console, self._plan) as ready:
            trainer = ready.trainer
            retraining = Retraining(trainer.learning.every, trainer.january) if trainer else None
            board = Board(ready.log, time.time(), retraining)
            with self._background(ready, board) as threads:
                with suppress(KeyboardInterrupt):
                    self._watch(ready, board, threads)
                # A second Ctrl-C during the clean-up would leave topics and processes behind.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                self._console.print("stopping ...", style="dim")
        return board

    @contextmanager
    def _background(self, ready: Stage, board: Board) -> Iterator[list[Background]]:
        actions = shipped_actions()
        outcomes = SimulatedOutcomes(ready.to, ready.names.clicks, lambda: board.shop_time, actions)
        replayed = ReplayReport()
        watching = [
            watcher(ready.to, ready.names, ready.starts, board, outcomes.plan),
            *_reader(ready, board),
        ]
        sending = [lag_reader(ready.worker.url, board), outcomes.thread, self._clicks(ready, replayed)]
        with ExitStack() as down:
            for thread in watching:
                thread.start()
                down.callback(thread.stop)
            down.callback(_await_answers, ready, board, (replayed, outcomes.report))
            for thread in sending:
                thread.start()
                down.callback(thread.stop)
            yield [*watching, *sending]

    def _clicks(self, ready: Stage, report: ReplayReport) -> Background:
        def send(halt: threading.Event) -> None:
            pace = Pace(rate=self._rate)
            sent = replay(ready.to, RecordSource(ready.log.february), pace, ready.names.clicks, stop=halt)
            report.sent, report.failed = sent.sent, sent.failed

        return Background("clicks", send)

    def _watch(self, ready: Stage, board: Board, threads: list[Background]) -> None:
        show = self._pictures if self._console.is_terminal else self._lines
        with show(board, ready) as update:
            ends = time.monotonic() + self._seconds if self._seconds else float("inf")
            while time.monotonic() < ends:
                _check(ready, threads)
                update()
                if not threads[-1].is_alive():
                    return
                time.sleep(REFRESH_SECONDS)

    @contextmanager
    def _pictures(self, board: Board, ready: Stage) -> Iterator[Callable[[], None]]:
        view = View(board, f"topics {ready.names.clicks}, ...   worker {ready.worker.url}")
        with Live(console=self._console, screen=True, auto_refresh=False) as live:
            yield lambda: live.update(view.render(self._console.height), refresh=True)

    @contextmanager
    def _lines(self, board: Board, _ready: Stage) -> Iterator[Callable[[], None]]:
        last = time.monotonic()

        def update() -> None:
            nonlocal last
            if time.monotonic() - last >= LINE_SECONDS:
                last = time.monotonic()
                self._console.print(demo_figures.line(board), highlight=False)

        yield update


def _reader(ready: Stage, board: Board) -> list[Background]:
    """Who tells the board of the trainer, if there is one."""
    trainer, retraining = ready.trainer, board.retraining
    if trainer is None or retraining is None:
        return []
    return [trainer_reader(trainer.process.log, trainer.learning, board, retraining)]


def _await_answers(ready: Stage, board: Board, sent: Sequence[ReplayReport]) -> None:
    """All that was sent is to be read, and answered, before anybody counts: but not for ever."""
    clicks, deadline = sum(one.sent - one.failed for one in sent), time.monotonic() + LAST_ANSWERS_SECONDS
    while time.monotonic() < deadline and ready.worker.process.poll() is None:
        if board.tally.clicks >= clicks and not board.tally.unanswered:
            return
        time.sleep(0.05)


def _check(ready: Stage, threads: list[Background]) -> None:
    """Raises DemoError if any part has ended that should not."""
    ready.worker.check()
    if ready.trainer:
        ready.trainer.process.check()
    for thread in threads:
        if thread.failure is not None:
            raise DemoError(f"the demo's {thread.name} failed: {thread.failure}") from thread.failure


@contextmanager
def _ending_politely() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
