"""The distribution of epsilon-greedy: the preferred action, over a floor of exploration."""

from models.decisions.action_distribution import Distribution
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ONE


def epsilon_greedy(actions: ActionSet, preferred: int, explorable: int) -> Distribution:
    """The floor of every explorable action (bits, `none` among them), and all that is left on `preferred`.

    An action with an epsilon of its own has that share; the others have even parts of the file's.
    """
    positions = [position for position in range(len(actions.names)) if explorable >> position & 1]
    sharing = sum(actions.shares[position] is None for position in positions)
    part = int(actions.epsilon * ONE) // max(1, sharing)
    units = [0] * len(actions.names)
    for position in positions:
        own = actions.shares[position]
        units[position] = part if own is None else own
    units[preferred] += ONE - sum(units)
    return Distribution.of_units(actions.names, units)
