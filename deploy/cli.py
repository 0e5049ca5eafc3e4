"""The `pathcast` command.

A subcommand is a module with a `command` and a line in COMMANDS; it is imported only when it runs.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from typing import Any

import click

from deploy.terminal import failures, service_links
from deploy.terminal.help_pages import Group

#: name -> (module, help). The help is here so that `pathcast --help` imports no torch and no Kafka client.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": (
        "deploy.commands.demo_command",
        "Run broker, topics, training, a worker and real clicks live.",
    ),
    "broker": ("deploy.commands.cluster.broker_command", "Start, stop or show the bundled Apache Kafka."),
    "topics": (
        "deploy.commands.cluster.topics_command",
        "Create the topics and check that they fit together.",
    ),
    "worker": ("deploy.commands.cluster.worker_command", "Answer the clicks of some partitions."),
    "gateway": (
        "deploy.commands.cluster.gateway_command",
        "Take events and answer over HTTP.",
    ),
    "input": (
        "deploy.commands.learning.input_command",
        "Check a file or a topic of events: what it holds, what is refused, whether it will do.",
    ),
    "log": (
        "deploy.commands.cluster.log_command",
        "Write, show and maintain the event log that the trainer learns from.",
    ),
    "trainer": (
        "deploy.commands.learning.trainer_command",
        "Write the event log; train, judge and promote when a run is due.",
    ),
    "retrain": ("deploy.commands.learning.retrain_command", "Ask the trainer for a training run."),
    "train": (
        "deploy.commands.learning.train_command",
        "Train a model on an event log and announce it to the workers.",
    ),
    "models": (
        "deploy.commands.models.models_command",
        "List, show, judge (by the gate), promote, roll back, pin, remove versions.",
    ),
    "drift": (
        "deploy.commands.learning.drift_command",
        "Compare new clicks with those that a version was validated on.",
    ),
    "evaluate": (
        "deploy.commands.learning.evaluate_command",
        "Evaluate a model on a log, next to its baselines.",
    ),
    "tune": ("deploy.commands.learning.tune_command", "Search for training settings on validation days."),
    "audit": (
        "deploy.commands.learning.audit_command",
        "Look for features that depend on the future (leakage).",
    ),
    "benchmark": (
        "deploy.commands.benchmark.benchmark_command",
        "Measure methods by the protocols of papers.",
    ),
    "demand": (
        "deploy.commands.learning.demand_command",
        "Forecast the demand for items, with days of cover and reorder hints.",
    ),
    "experiment": (
        "deploy.commands.policies.experiment_command",
        "Start, judge and stop experiments (A/B/n) on decisions.",
    ),
    "score-lapsing": (
        "deploy.commands.learning.score_lapsing_command",
        "Publish lapsing visitors: those who stay away and are about to be lost.",
    ),
    "items": (
        "deploy.commands.learning.items_command",
        "Make content vectors of items from titles and the shop's own vectors.",
    ),
    "replay": (
        "deploy.commands.cluster.replay_command",
        "Send an event log to the clicks topic, at any speed.",
    ),
    "dead-letters": (
        "deploy.commands.cluster.dead_letters_command",
        "List, show or replay refused inputs.",
    ),
    "decisions": (
        "deploy.commands.decisions_command",
        "Verify published decisions against their own records.",
    ),
    "paths": (
        "deploy.commands.paths_command",
        "Show funnel, steps, frequent paths and trends of a window, by segment.",
    ),
    "pacer": (
        "deploy.commands.policies.pacer_command",
        "Grant budgets to partitions as their pacing releases them; show what was spent.",
    ),
    "feedback": (
        "deploy.commands.policies.feedback_command",
        "Show or export what became of decisions and recommendations.",
    ),
    "policy": (
        "deploy.commands.policies.policy_command",
        "Train, evaluate and compare policies on logged decisions.",
    ),
    "visitor": ("deploy.commands.cluster.visitor_command", "Forget a visitor everywhere, with proof."),
    "state": ("deploy.commands.cluster.state_command", "Show or rebase the workers' state."),
    "settings": ("deploy.commands.settings_command", "Write the reference page of all settings."),
    "contract": ("deploy.commands.contract_command", "Write the schemas of events and answers."),
}


class Lazy(Group):
    """A group of the commands in COMMANDS, which imports only the one that is called.

    Every error becomes a line on stderr and exit code 1 (`terminal/failures.py`).
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, (module, _) in COMMANDS.items() if importlib.util.find_spec(module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        for line in service_links.dropped(os.environ):
            click.echo(line, err=True)
        failures.quieten()
        with failures.explained():
            return super().invoke(ctx)


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pathcast")
def main() -> None:
    """Answer live shop clicks with purchase intent, recommendations and decisions on ads."""
