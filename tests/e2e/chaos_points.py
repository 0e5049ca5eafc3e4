"""Places in a worker at which something may go wrong; the worker itself knows nothing of them.

The process of a chaos run (`tests/e2e/chaos_worker.py`) wraps what it imports. Whoever wants something to
happen writes a file into the worker's folder, which names places; the first that is reached takes it away.
"""

import asyncio
import os
import signal
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

ARMED, REACHED = "armed", "reached"


class Place(NamedTuple):
    """Before or after a request or a function; in a takeover, in the first cycle after it, or later."""

    stage: str
    when: str
    what: str


REQUESTS = {
    0: "Produce",
    2: "ListOffsets",
    9: "OffsetFetch",
    22: "InitProducerId",
    24: "AddPartitionsToTxn",
    26: "EndTxn",
    28: "TxnOffsetCommit",
}

#: The phases of a takeover, in their order, up to the first cycle's end.
TAKEOVER = {
    "takeover begins": Place("takeover", "before", "takeover"),
    "offsets fetched": Place("takeover", "after", "OffsetFetch"),
    "watermarks taken": Place("takeover", "after", "ListOffsets"),
    "taken over": Place("takeover", "after", "takeover"),
    "recovered": Place("recovery", "before", "recovery"),
    "first cycle begins": Place("first", "before", "AddPartitionsToTxn"),
    "first cycle written": Place("first", "after", "Produce"),
    "first cycle decided": Place("first", "after", "EndTxn"),
}

#: In the cycles of a worker that has been at work for a while.
CYCLE = {
    "cycle begins": Place("later", "before", "AddPartitionsToTxn"),
    "cycle written": Place("later", "after", "Produce"),
    "offsets committed": Place("later", "after", "TxnOffsetCommit"),
    "end asked": Place("later", "before", "EndTxn"),
    "decided": Place("later", "after", "EndTxn"),
}
PLACES = TAKEOVER | CYCLE
NAMES = {place: name for name, place in PLACES.items()}


class Trap:
    """From outside: arms places of a worker. Actions: `stop`, `kill`, `sleep SECONDS`, `broker PID`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def arm(self, action, *names):
        """The first of these places that the worker reaches is where it happens."""
        (self.folder / REACHED).unlink(missing_ok=True)
        written = self.folder / f"{ARMED}.new"
        written.write_text("\n".join((action, *names)))
        written.rename(self.folder / ARMED)

    def disarm(self):
        """Nothing more is to happen; whether it has happened."""
        (self.folder / ARMED).unlink(missing_ok=True)
        return self.reached

    @property
    def reached(self):
        """The place at which it happened, "" as long as it has not."""
        file = self.folder / REACHED
        return file.read_text() if file.exists() else ""


#: Stage of the running task: `takeover` in the requests of one, else that of the worker's cycle.
_stage: ContextVar[str] = ContextVar("stage", default="")


class Points:
    """Inside the worker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._armed = str(folder / ARMED)

    async def pass_by(self, stage, when, what):
        """Do what is armed for this place."""
        name = NAMES.get(Place(stage, when, what))
        if name is None or not os.path.exists(self._armed):
            return
        action, *names = Path(self._armed).read_text().split("\n")
        if name in names:
            Path(self._armed).unlink()
            self._tell(name)
            await _act(*action.split(" "))

    def _tell(self, name):
        written = self.folder / f"{REACHED}.new"
        written.write_text(name)
        written.rename(self.folder / REACHED)

    def around(self, stage_of, what_of, function):
        """The coroutine function, with a place before and one after it; these functions get its arguments."""

        async def wrapped(*args, **options):
            stage, what = stage_of(), what_of(*args)
            token = _stage.set(stage)
            try:
                await self.pass_by(stage, "before", what)
                result = await function(*args, **options)
                await self.pass_by(stage, "after", what)
            finally:
                _stage.reset(token)
            return result

        return wrapped


async def _act(action, argument="0"):
    if action == "sleep":
        await asyncio.sleep(float(argument))
    elif action == "broker":
        os.kill(int(argument), signal.SIGKILL)
    else:
        os.kill(os.getpid(), signal.SIGSTOP if action == "stop" else signal.SIGKILL)


def stage():
    """Of the running task."""
    return _stage.get()
