"""The text of the actions file that the settings name."""

from importlib import resources
from pathlib import Path

from models.decisions.actions_file import ActionsError
from models.errors import PathcastError
from streams.config.worker_settings import WorkerSettings


def shipped_actions_text() -> str:
    """The text of the shipped example."""
    return (resources.files("deploy") / "data" / "actions.toml").read_text()


def actions_text(settings: WorkerSettings) -> str:
    """The text of the configured actions file, else of the shipped example. Raises ActionsError."""
    if settings.actions is None:
        return shipped_actions_text()
    try:
        return settings.actions.expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ActionsError(
            f"cannot read PATHCAST_ACTIONS {settings.actions} ({error}): name the actions file of the workers"
        ) from error


def own_actions(path: Path | None) -> str:
    """The text of this actions file; None: of the workers', as `actions_text`. Raises PathcastError."""
    return actions_text(WorkerSettings()) if path is None else text_of(path)


def text_of(path: Path) -> str:
    """The text of a file in UTF-8. Raises PathcastError."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise PathcastError(f"{path} cannot be read ({told}): name another file") from error
