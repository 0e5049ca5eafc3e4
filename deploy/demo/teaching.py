"""Learned policies in the demo: its actions file, and settings by which a policy is trained and judged while
somebody watches.
"""

from pathlib import Path
from typing import Final

from deploy.cluster.actions_text import shipped_actions_text
from models.decisions.policy_kinds import LEARNED
from models.durable_files import replace_file

FILE: Final = "actions.toml"
QUIET: Final = 'placement = "shop"\nepsilon = 0.0\n\n[[actions]]\nname = "nothing"\nkind = "none"\n'
#: Rewards between two policy runs.
EVERY_REWARDS: Final = 4_000
#: Event time in which outcomes count; the demo's shop has a day in minutes.
ATTRIBUTION_HOURS: Final = 0.5
#: Share of decisions that explore: a minute must show what days show otherwise.
EPSILON: Final = 0.5
#: Level of the policy gate's interval, lower than usual for the same reason.
LEVEL: Final = 0.8
#: The simulated outcomes are clicks, so the reward is what a click earns, less the action's cost.
REWARD: Final = '\n[reward]\nclick = 1.0\nmargin = 0.0\ncost = 0.1\ncost_when = "clicked"\n'


def actions_text() -> str:
    """The shipped actions, decided by the learned policy, with more exploration and a reward that simulated
    outcomes earn.
    """
    return (
        shipped_actions_text().replace("epsilon = 0.10", f'policy = "{LEARNED}"\nepsilon = {EPSILON}', 1)
        + REWARD
    )


def environment(folder: Path) -> dict[str, str]:
    """Environment variables of worker and trainer, whose actions file is in `folder`."""
    own = {
        "PATHCAST_ACTIONS": folder / FILE,
        "PATHCAST_ATTRIBUTION_HOURS": ATTRIBUTION_HOURS,
        "PATHCAST_POLICY_KIND": "uplift",
        "PATHCAST_POLICY_EVERY_REWARDS": EVERY_REWARDS,
        "PATHCAST_POLICY_LEAST_REWARDS": EVERY_REWARDS,
        "PATHCAST_POLICY_GATE_LEVEL": LEVEL,
        "PATHCAST_POLICY_GATE_LEAST_EFFECTIVE": 100,
    }
    return {name: str(value) for name, value in own.items()}


def close_shop(folder: Path) -> None:
    """Nothing is served yet: nobody reacts to what January's visitors would be shown."""
    (folder / FILE).write_text(QUIET)


def open_shop(folder: Path) -> None:
    """From now on the worker decides between all actions; it follows the file while it runs."""
    replace_file(folder / FILE, actions_text().encode())


def eased() -> str:
    """What is other than usual, in words."""
    return (
        f"policies: trained after every {EVERY_REWARDS:,} rewards; {EPSILON:.0%} of decisions explore, the "
        f"gate's interval has {LEVEL:.0%} (usually 10% and 97%); outcomes are simulated"
    )
