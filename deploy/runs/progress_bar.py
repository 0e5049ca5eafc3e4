"""Progress of long work: a bar on a terminal, lines in a file or a pipe."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from trainer.loop import progress

#: Most seconds between two lines.
EVERY = 10.0


def use_cores() -> None:
    """Use half of the cores: more threads would wait for each other when other programs run."""
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))


class ProgressLines:
    """Progress lines without a terminal: one when a step begins, and one every `every` seconds.

    A thread writes the latter, so that they appear even while a step reports nothing. Without `at_once` only
    these are written: a command that ends soon then says nothing beside its result.
    """

    def __init__(
        self,
        console: Console,
        first: str,
        every: float = EVERY,
        clock: Callable[[], float] = monotonic,
        at_once: bool = True,
    ) -> None:
        self._at_once = at_once
        self._console, self._text, self._every, self._clock = console, first, every, clock
        self._about: object = None
        self._begun = self._latest = clock()
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> "ProgressLines":
        if self._at_once:
            self._say()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def __call__(self, text: str, about: object) -> None:
        """Set the next line; it is written at once if `about` is another step."""
        with self._lock:
            self._text, new = text, about != self._about
            self._about = about
            if new and self._at_once:
                self._say()

    def tick(self) -> None:
        """Write the line again if `every` seconds are over."""
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


@contextmanager
def working(first: str) -> Iterator[Callable[[str], None]]:
    """Say what a command is doing: beside a spinner on a terminal, else in a line every EVERY seconds.

    The context gives a function that names the next step.
    """
    console = Console(stderr=True)
    if interactive(console):
        with console.status(first) as status:
            yield status.update
        return
    with ProgressLines(console, first, at_once=False) as lines:
        yield lambda text: lines(text, text)


def interactive(console: Console) -> bool:
    """Whether lines can be drawn over: a bar in a file, or on a terminal that cannot, shows nothing."""
    return console.is_terminal and not console.is_dumb_terminal


class Bar:
    """Progress of the epochs: loss of the batch, and figures of the last validation.

    `progress` is the context that shows it.
    """

    def __init__(self, console: Console, every: float = EVERY) -> None:
        self.progress: Progress | ProgressLines
        if not interactive(console):
            self.progress = ProgressLines(console, "reading the log", every)
            return
        shown = "{task.fields[at]}  loss {task.fields[loss]}  {task.fields[valid]}"
        columns = TextColumn(shown), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn()
        self.progress = Progress(*columns, console=console)
        self._task = self.progress.add_task("", total=1.0, at="reading the log", loss="-", valid="")

    def __call__(self, at: progress.Progress) -> None:
        """Show a report of the training; a step without epochs, such as the trees, shows its name only."""
        valid = f"next item {at.next_loss:.3f}, intent AUC {at.auc:.3f}" if at.judged else ""
        where, loss = f"{at.stage}, epoch {at.epoch + 1}", f"{at.loss:.3f}"
        if not at.batches:
            where, loss = at.stage, "-"
        if isinstance(self.progress, Progress):
            self.progress.update(self._task, completed=at.done, at=where, loss=loss, valid=valid)
        elif not at.batches:
            self.progress(at.stage, at.stage)
        elif at.done >= 1:
            self.progress(f"{at.stage}: epochs finished", (at.stage, "over"))
        else:
            text = f"{where}: {at.done:.0%} done, loss {loss}{', ' if valid else ''}{valid}"
            self.progress(text, (at.stage, at.epoch))
