"""The text of the actions file that the settings name."""

from importlib import resources

from models.decisions.actions_file import ActionsError
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
