"""`pathcast policy`: train, evaluate and compare policies on logged decisions."""

from __future__ import annotations

import click

from deploy.commands.policies import (
    compare_policies_command,
    evaluate_policy_command,
    train_policy_command,
)
from deploy.terminal.help_pages import Group


@click.group(cls=Group)
def command() -> None:
    """Train policies on logged decisions, and judge them before they go live.

    A log is any table with one decision a row: what was known (the context), the action, its propensity (the
    probability with which it was chosen), and the reward. See docs/policies/off-policy.md.
    """


command.add_command(evaluate_policy_command.evaluate)
command.add_command(compare_policies_command.compare)
command.add_command(train_policy_command.train)
