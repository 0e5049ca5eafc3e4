"""Follow the actions file while the worker runs: a valid change is used, a wrong one is refused and told."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from models.constraints.accounts import epoch_ms
from models.decisions.actions import ActionSet
from models.decisions.policy_kinds import policy_of
from models.errors import PathcastError
from streams.constraints.watched_file import WatchedFile
from streams.metrics import Metrics

log = structlog.get_logger("pathcast.worker")

#: Seconds between two looks at the file.
EVERY: Final = 1.0
#: Lets changed action sets decide from the next pass on. Raises ActionsError, and then nothing has changed.
Use = Callable[[Sequence[ActionSet]], Awaitable[None]]


class LiveActions:
    """The actions in use and their file; None: the shipped example, which does not change."""

    def __init__(self, path: Path | None, text: str, use: Use, metrics: Metrics) -> None:
        self._sets = ActionSet.load_all(text)
        self._file = None if path is None else WatchedFile(path, text)
        self._use, self._metrics = use, metrics
        self._since, self._refused = time.time(), ""

    async def run(self) -> None:
        """Look at the file until cancelled."""
        _warn_of_ended(self._sets)
        while self._file is not None:
            await asyncio.sleep(EVERY)
            await self.look()

    async def look(self) -> None:
        """Use the file if it has changed and is valid, else keep the one before."""
        assert self._file is not None
        try:
            text = self._file.changed()
            if text is None:
                return
            sets = ActionSet.load_all(text)
            for one in sets:
                policy_of(one)
            await self._use(sets)
        except (PathcastError, OSError, UnicodeDecodeError) as error:
            self._refuse(str(error))
            return
        self._sets, self._since, self._refused = sets, time.time(), ""
        self._metrics.actions_file.labels("used").inc()
        self._metrics.actions_refused.set(0)
        log.info("actions file taken over", placements=[one.placement for one in sets])
        _warn_of_ended(sets)

    def _refuse(self, reason: str) -> None:
        """Say once what is wrong with the file as it is."""
        if reason == self._refused:
            return
        self._refused = reason
        self._metrics.actions_file.labels("refused").inc()
        self._metrics.actions_refused.set(1)
        log.error("actions file refused, the former one stays in use", reason=reason)

    def describe(self) -> dict[str, Any]:
        """For `/actions`: what is in use since when (epoch seconds), and what is wrong with the file."""
        return {
            "file": str(self._file.path) if self._file else None,
            "since": self._since,
            "refused": self._refused or None,
            "placements": [
                {
                    "placement": one.placement,
                    "policy": one.policy,
                    "actions": list(one.names),
                    "flights": [flight.name for flight in one.flights],
                }
                for one in self._sets
            ],
        }


def _warn_of_ended(sets: Sequence[ActionSet]) -> None:
    """A flight that is over is no error: its actions are not offered any more."""
    now = time.time() * 1000
    for name, end in {flight.name: epoch_ms(flight.end) for one in sets for flight in one.flights}.items():
        if end is not None and end <= now:
            log.warning("a flight is over: its actions are not offered", flight=name)
