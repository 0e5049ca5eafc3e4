"""The action sets that workers decide between, by placement."""

from deploy.cluster.actions_text import actions_text
from models.decisions.actions import ActionSet
from models.errors import PathcastError
from streams.config.worker_settings import WorkerSettings


class PlacementError(PathcastError):
    """The actions file does not have a placement."""


def action_sets() -> list[ActionSet]:
    """Those of PATHCAST_ACTIONS, else of the shipped file. Raises ActionsError."""
    return list(ActionSet.load_all(actions_text(WorkerSettings())))


def action_set(placement: str) -> ActionSet:
    """The actions of a placement. Raises PlacementError or ActionsError."""
    known = {one.placement: one for one in action_sets()}
    if placement not in known:
        raise PlacementError(
            f"the actions file has no placement {placement}; it has {', '.join(known)}: name one of them"
        )
    return known[placement]
