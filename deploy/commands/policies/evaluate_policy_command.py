"""`pathcast policy evaluate`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deploy.commands.policies.decision_log_options import decision_log_options
from deploy.commands.policies.judging_options import judge_of, judging_options, policy_named
from deploy.terminal.log_options import FILE
from deploy.terminal.out_file import writing

if TYPE_CHECKING:
    from trainer.off_policy.decision_log import DecisionLog
    from trainer.policy_reports.policy_value import EvaluationSettings


@click.command()
@click.argument("more", nargs=-1, type=FILE, metavar="[FILE]...")
@click.option(
    "--policy",
    required=True,
    metavar="NAME|VERSION|ACTION|logging",
    help="A version of the registry, a kind of its policies or latest; an action, which is then always "
    "taken; logging, the policy that wrote the log; or uniform.",
)
@click.option("--segment", "segments", multiple=True, metavar="NAME", help="Context column to divide by.")
@decision_log_options
@judging_options
def evaluate(
    log: DecisionLog,
    policy: str,
    segments: tuple[str, ...],
    registry: Path | None,
    settings: EvaluationSettings,
    out: Path,
) -> None:
    """Estimate what a policy would have earned a decision, from a log of another policy.

    The log needs the columns `action`, `propensity` and `reward`; other names by --map action=COLUMN. With
    a column `visitor_id` intervals resample visitors; with `trajectory` and `step` decisions are also
    followed over steps. The file has ESTIMATOR.{value,low,high,ess}, and what speaks against an estimate.
    """
    from deploy.commands.policies.policy_tables import print_evaluation
    from trainer.policy_reports.policy_value import report
    from trainer.policy_reports.value_segments import by_segment

    chosen = policy_named(policy, log.decisions, registry)
    judge = judge_of(log.decisions, [chosen], settings)
    judged = judge.judge(chosen)
    found: dict[str, Any] = report(judge, judged) | {"rows": asdict(log.counts)}
    found["segments"] = {name: by_segment(judge, judged, name) for name in segments}
    with writing(out):
        out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print_evaluation(found)
