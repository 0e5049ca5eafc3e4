"""`pathcast policy compare`."""

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
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.argument("more", nargs=-1, type=FILE, metavar="[FILE]...")
@decision_log_options
@judging_options
def compare(
    log: DecisionLog,
    first: str,
    second: str,
    registry: Path | None,
    settings: EvaluationSettings,
    out: Path,
) -> None:
    """Estimate how much more policy A would have earned a decision than policy B, on the same log.

    Policies are named as for `pathcast policy evaluate --policy`. Both are judged on the same decisions with
    the same reward model, and resampled together, so the interval is of the difference. The file has
    ESTIMATOR.{value,low,high,ess}, the value of A less that of B, and both by themselves as `a` and `b`.
    """
    from deploy.commands.policies.policy_tables import print_comparison
    from trainer.policy_reports.policy_comparison import comparison

    policies = [policy_named(name, log.decisions, registry) for name in (first, second)]
    judge = judge_of(log.decisions, policies, settings)
    found: dict[str, Any] = comparison(judge, judge.judge(policies[0]), judge.judge(policies[1]))
    found["rows"] = asdict(log.counts)
    with writing(out):
        out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print_comparison(found)
