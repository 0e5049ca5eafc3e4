"""The actions file as a long-running command follows it."""

from collections.abc import Sequence

import structlog

from deploy.cluster.actions_text import actions_text
from models.decisions.actions import ActionSet
from models.errors import PathcastError
from streams.config.worker_settings import WorkerSettings
from streams.constraints.watched_file import WatchedFile

log = structlog.get_logger("pathcast.pacer")


class ActionsInUse:
    """Call it for the action sets: those of the file as of now, or the last valid ones where it is wrong.

    Raises ActionsError where the file is wrong at the start.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        text = actions_text(settings)
        self._sets = ActionSet.load_all(text)
        self._file = None if settings.actions is None else WatchedFile(settings.actions, text)

    def __call__(self) -> Sequence[ActionSet]:
        """The action sets."""
        try:
            if self._file is not None and (text := self._file.changed()) is not None:
                self._sets = ActionSet.load_all(text)
                log.info("actions file taken over", placements=[one.placement for one in self._sets])
        except (PathcastError, OSError, UnicodeDecodeError) as error:
            log.error("actions file refused, the former one stays in use", reason=str(error))
        return self._sets
