"""What long work shows while it lasts: a bar on a terminal, a line now and then in a file or a pipe."""

import os
import threading
from collections.abc import Callable
from time import monotonic
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from trainer.loop import progress

#: Seconds without a line after which one says that the work goes on.
EVERY = 10.0


def use_cores() -> None:
    """Threads that wait for each other lose more than they bring as soon as anything else runs here."""
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))


class ProgressLines:
    """Lines where there is no terminal: whenever something new begins, and every `EVERY` seconds.

    A thread writes the latter, so that also what reports nothing is seen to go on.
    """

    def __init__(
        self, console: Console, first: str, every: float = EVERY, clock: Callable[[], float] = monotonic
    ) -> None:
        self._console, self._text, self._every, self._clock = console, first, every, clock
        self._about: object = None
        self._begun = self._latest = clock()
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> "ProgressLines":
        self._say()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def __call__(self, text: str, about: object) -> None:
        """What is to be said next; at once where it is about something new."""
        with self._lock:
            self._text, new = text, about != self._about
            self._about = about
            if new:
                self._say()

    def tick(self) -> None:
        """Say where the work is, if that was last said long ago."""
        with self._lock:
            if self._clock() - self._latest >= self._every:
                self._say()

    def _say(self) -> None:
        self._latest = self._clock()
        line = f"{self._latest - self._begun:5.0f} s  {self._text}"
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)

    def _go_on(self) -> None:
        while not self._over.wait(min(1.0, self._every)):
            self.tick()


class Bar:
    """The progress of the epochs: loss of the batch, and the last validation's figures.

    `progress` is the context in which it is shown.
    """

    def __init__(self, console: Console, every: float = EVERY) -> None:
        self.progress: Progress | ProgressLines
        if not console.is_terminal:
            self.progress = ProgressLines(console, "reading the log", every)
            return
        shown = "{task.fields[at]}  loss {task.fields[loss]}  {task.fields[valid]}"
        columns = TextColumn(shown), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn()
        self.progress = Progress(*columns, console=console)
        self._task = self.progress.add_task("", total=1.0, at="reading the log", loss="-", valid="")

    def __call__(self, at: progress.Progress) -> None:
        """Report of the fit: done is what is nearer, the last epoch or the end of the time.

        What has no epochs, such as the trees, is named when it begins.
        """
        valid = f"next item {at.next_loss:.3f}, intent AUC {at.auc:.3f}" if at.judged else ""
        where, loss = f"{at.stage}, epoch {at.epoch + 1}", f"{at.loss:.3f}"
        if not at.batches:
            where, loss = at.stage, "-"
        if isinstance(self.progress, Progress):
            self.progress.update(self._task, completed=at.done, at=where, loss=loss, valid=valid)
        elif not at.batches:
            self.progress(at.stage, at.stage)
        elif at.done >= 1:
            self.progress(f"{at.stage}: epochs over", (at.stage, "over"))
        else:
            text = f"{where}: {at.done:.0%} done, loss {loss}{', ' if valid else ''}{valid}"
            self.progress(text, (at.stage, at.epoch))
