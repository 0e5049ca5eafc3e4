"""Options of commands that judge policies on a log."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deploy.commands.policies.finite_range import FiniteRange
from deploy.terminal.out_file import OUT

if TYPE_CHECKING:
    from trainer.off_policy.logged_decisions import EvaluatedPolicy, LoggedDecisions
    from trainer.policy_reports.policy_value import PolicyJudge

_MODELS = ("auto", "means", "shrunk_linear", "linear", "ridge", "trees")
_OPTIONS = (
    click.option(
        "--registry",
        type=click.Path(file_okay=False, exists=True, path_type=Path),
        help="Folder of the versions, for policies that were trained.",
    ),
    click.option(
        "--estimators",
        metavar="NAME,NAME,...",
        default="all",
        show_default=True,
        help="dm, ips, ips_clipped, snips, dr, switch_dr, dros, and fqe for logs with trajectories.",
    ),
    click.option(
        "--interval",
        type=click.Choice(["bootstrap", "studentised", "normal", "bernstein"]),
        default="bootstrap",
        show_default=True,
        help="How the bounds are made; the file has those of all four.",
    ),
    click.option(
        "--level",
        type=FiniteRange(0.5, 0.999),
        default=0.95,
        show_default=True,
        help="Share of the logs whose interval holds the true value.",
    ),
    click.option(
        "--reward-model",
        type=click.Choice(_MODELS),
        default="auto",
        show_default=True,
        help="What expects rewards; auto takes the one with the least error on held-out visitors.",
    ),
    click.option(
        "--gamma",
        type=FiniteRange(0, 0.9999),
        default=0.95,
        show_default=True,
        help="Discount of each step, for fqe.",
    ),
    click.option("--seed", type=int, default=0, show_default=True, help="Of folds and resamples."),
    click.option("--json", "out", required=True, type=OUT, help="Write the report to this JSON file."),
)


def judging_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options, handed on as `registry`, `settings` (EvaluationSettings) and `out`."""

    @wraps(command)
    def with_settings(**given: Any) -> Any:
        from trainer.policy_reports.policy_value import EvaluationSettings

        names = given.pop("estimators")
        chosen = () if names == "all" else tuple(name.strip() for name in names.split(",") if name.strip())
        own = {name: given.pop(name) for name in ("interval", "level", "reward_model", "gamma", "seed")}
        return command(settings=EvaluationSettings(estimators=chosen, **own), **given)

    made: Callable[..., Any] = with_settings
    for option in reversed(_OPTIONS):
        made = option(made)
    return made


def policy_named(name: str, logged: LoggedDecisions, registry: Path | None) -> EvaluatedPolicy:
    """`logging`, `uniform`, a policy of the registry, or the policy that always takes an action.

    `action:NAME` and `version:NAME` say which of both is meant. Raises PolicyError.
    """
    from trainer.off_policy.fixed_policies import LOGGING, UNIFORM, Always, Logging, Uniform
    from trainer.off_policy.policy_evidence import PolicyError

    kind, colon, bare = name.partition(":")
    if name == LOGGING:
        return Logging()
    if name == UNIFORM:
        return Uniform()
    if colon and kind == "action" and bare in logged.actions:
        return Always(bare)
    trained = _trained(bare if colon and kind == "version" else name, registry)
    if trained is not None and (colon or name not in logged.actions):
        return trained
    if trained is not None:
        raise PolicyError(
            f"{name!r} is an action of the log and a policy of {registry}: say action:{name} or "
            f"version:{name}"
        )
    if name in logged.actions:
        return Always(name)
    listed = ", ".join(logged.actions[:20]) + (", ..." if len(logged.actions) > 20 else "")
    where = (
        f"no policy of {registry}" if registry else "no policy, because --registry names no folder of them"
    )
    raise PolicyError(
        f"--policy {name}: neither an action of the log ({listed}) nor {LOGGING} or {UNIFORM}; and {where}: "
        "name one of these"
    )


def _trained(name: str, registry: Path | None) -> EvaluatedPolicy | None:
    if registry is None:
        return None
    from trainer.policy_reports.registry_policies import find

    return find(registry, name)


def judge_of(logged: LoggedDecisions, policies: list[EvaluatedPolicy], settings: Any) -> PolicyJudge:
    """What judges the policies on the log, which gets the actions that only they know."""
    from deploy.runs.progress_bar import working
    from trainer.off_policy.policy_evidence import with_actions
    from trainer.policy_reports.policy_value import PolicyJudge

    own = [name for policy in policies for name in getattr(policy, "actions", ())]
    with working(f"learning what to expect of {len(logged):,} decisions"):
        return PolicyJudge(with_actions(logged, own), settings)
