"""`pathcast worker`: answer the clicks of some partitions until stopped."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import click

from deploy.terminal import event_map_option
from deploy.terminal.help_pages import Command

if TYPE_CHECKING:
    from streams.config.worker_settings import WorkerSettings


def shop_text(settings: WorkerSettings) -> str:
    """The text of the configured rules of recommendations; empty for the defaults."""
    path = settings.recommendation_rules
    try:
        return path.expanduser().read_text() if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"cannot read PATHCAST_RECOMMENDATION_RULES {path}: {error}") from error


@click.command(
    cls=Command,
    settings=(
        "KAFKA_BOOTSTRAP_SERVERS",
        "PATHCAST_APPLICATION_ID",
        "PATHCAST_DATADIR",
        "PATHCAST_REGISTRY",
        "PATHCAST_ACTIONS",
        "PATHCAST_WEB_PORT",
        "PATHCAST_DEADLINE_MS",
        "PATHCAST_SESSION_GAP_MINUTES",
        "PATHCAST_ALLOWED_LATENESS_MINUTES",
        "PATHCAST_LOG_LEVEL",
        "PATHCAST_LOG_FORMAT",
    ),
)
def command() -> None:
    """Answer the clicks of some partitions until SIGTERM or Ctrl-C.

    The worker uses the model that `pathcast train --announce` or the trainer announces, and swaps it when a
    new one is announced. Without a model, lower fallback tiers (`rung` in the answers) answer: popular items,
    and a probability that depends only on how long the session is.
    """
    gc.disable()  # imports leave no garbage behind, and to look for it takes a tenth of their time
    from deploy.cluster import clients
    from deploy.cluster.actions_text import actions_text
    from streams.config.topics import TopicNames
    from streams.config.worker_settings import WorkerSettings
    from streams.service.worker import Worker

    gc.enable()
    settings = WorkerSettings()
    events = event_map_option.of_worker(settings)
    texts = actions_text(settings), shop_text(settings)
    Worker(settings, clients.connection(), TopicNames(), *texts, events).run()
