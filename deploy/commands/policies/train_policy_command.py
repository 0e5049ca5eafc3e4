"""`pathcast policy train`: a policy of any kind from a log of decisions, kept in the registry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.commands.policies.decision_log_options import decision_log_options
from deploy.terminal.log_options import FILE

if TYPE_CHECKING:
    from models.policies.action_features import ActionFeatures
    from trainer.off_policy.decision_log import DecisionLog

#: Kinds of policies (`trainer.policies.train_policy.KINDS`), named here so that help imports no torch.
KINDS = ("softmax", "uplift", "ucb", "thompson", "dqn", "rules", "uniform", "mixture")
#: The placement of policies that are trained from tables alone.
TABLE = "table"


def _settings(
    _ctx: click.Context, _param: click.Parameter, said: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    pairs = [one.partition("=") for one in said]
    for name, equals, _ in pairs:
        if not equals:
            raise click.BadParameter(f"{name!r} sets nothing; expected NAME=VALUE, such as gamma=0.9")
    return tuple((name.strip(), value.strip()) for name, _, value in pairs)


@click.command()
@decision_log_options
@click.option("--kind", type=click.Choice(KINDS), required=True, help="Kind of the policy.")
@click.option(
    "--registry", type=click.Path(file_okay=False, path_type=Path), required=True, help="Where it is kept."
)
@click.option("--actions", type=FILE, help="Actions file whose features the actions have, by name.")
@click.option("--placement", help=f"Placement that it is for  [of --actions, else {TABLE}].")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of DQN.")
@click.option("--device", default="cpu", show_default=True, help="Device that trains DQN, such as cuda.")
@click.option("--set", "said", multiple=True, metavar="NAME=VALUE", callback=_settings, help="A setting.")
def train(
    log: DecisionLog,
    kind: str,
    registry: Path,
    actions: Path | None,
    placement: str | None,
    seed: int,
    device: str,
    said: tuple[tuple[str, str], ...],
) -> None:
    """Train a policy of a KIND from tables of logged decisions.

    A table has context columns (numbers and words), `action`, `propensity` and `reward`; other names by
    --map. Prints the version made; `pathcast policy evaluate --policy VERSION` judges it
    (docs/policies/policies.md).
    """
    from datetime import UTC, datetime

    from models.registry import policy_versions
    from trainer.policies import train_policy
    from trainer.policies.policy_settings import PolicySettings, with_settings

    settings = with_settings(PolicySettings(seed=seed, device=device), said)
    features, own = _described(actions)
    now = datetime.now(UTC)
    decisions = log.decisions
    with _one_line():
        files = train_policy.train(
            decisions, kind, settings, features, placement or own, f"{now:%Y-%m-%dT%H:%M:%SZ}"
        )
    metrics = {"decisions": len(decisions), "mean_reward": float(decisions.reward.mean())}
    created_at = int(now.timestamp() * 1000)
    click.echo(policy_versions.save(registry, files, placement or own, created_at, metrics))


def _described(path: Path | None) -> tuple[list[ActionFeatures], str]:
    """Features of the actions of a file, and its placement."""
    from models.decisions.actions import ActionSet
    from models.policies.action_features import ActionFeatures

    if path is None:
        return [], TABLE
    actions = ActionSet.load(path.read_bytes())
    return list(map(ActionFeatures.of, actions.actions)), actions.placement


@contextmanager
def _one_line() -> Iterator[None]:
    """Errors of torch, such as an unknown device, are told in one line."""
    try:
        yield
    except RuntimeError as error:
        raise click.ClickException(f"training failed: {str(error).splitlines()[0]}; see --device") from error
