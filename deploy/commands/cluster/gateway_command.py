"""`pathcast gateway`: answer over HTTP until stopped; `gateway token` makes a token for a caller."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.terminal import event_map_option
from deploy.terminal.help_pages import Group

if TYPE_CHECKING:
    from gateway.service.served_shop import ServedShop
    from streams.config.worker_settings import WorkerSettings

ROLES = ("collect", "read", "operate", "privacy")


@click.group(
    cls=Group,
    invoke_without_command=True,
    settings=(
        "KAFKA_BOOTSTRAP_SERVERS",
        "PATHCAST_GATEWAY_HOST",
        "PATHCAST_GATEWAY_PORT",
        "PATHCAST_GATEWAY_TOKENS",
        "PATHCAST_GATEWAY_CORS_ORIGINS",
        "PATHCAST_GATEWAY_WORKERS",
        "PATHCAST_GATEWAY_DASHBOARD",
        "PATHCAST_GATEWAY_DASHBOARD_MINUTES",
        "PATHCAST_GATEWAY_DEMAND",
        "PATHCAST_REGISTRY",
        "PATHCAST_LOG_LEVEL",
        "PATHCAST_LOG_FORMAT",
    ),
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Take events and answer over HTTP until SIGTERM or Ctrl-C.

    Run as many as you like behind a load balancer: no gateway holds anything that another lacks. See
    docs/gateway.md.
    """
    if ctx.invoked_subcommand is None:
        _serve()


def _serve() -> None:
    from deploy.runs.dashboard_desk import desk_of
    from deploy.runs.visitor_erasure import erased
    from gateway.gateway_settings import GatewaySettings
    from gateway.service.serving import serve
    from gateway.service.wiring import application
    from streams import logging_setup
    from streams.config.worker_settings import WorkerSettings

    settings, worker = GatewaySettings(), WorkerSettings()
    logging_setup.configure(worker.log_level, worker.log_format)
    shop = _shop(worker)
    forget = partial(erased, shop.connection, shop.names, worker)
    serve(application(settings, shop, desk_of(worker), forget), settings)


def _shop(worker: WorkerSettings) -> ServedShop:
    """The installation, whose topics are checked as a worker checks them."""
    from deploy.cluster import clients
    from deploy.cluster.actions_text import actions_text
    from deploy.commands.cluster.worker_command import shop_text
    from gateway.service.served_shop import ServedShop
    from streams.config.topics import TopicNames
    from streams.service import preflight
    from streams.service.pipeline_wiring import ShopFiles

    names, to = TopicNames(), clients.connection()
    partitions = preflight.check_topics(to, names, worker.envelope_key_file is not None)
    files = ShopFiles(actions_text(worker), shop_text(worker), event_map_option.of_worker(worker))
    return ServedShop(worker, to, names, partitions, files)


@command.command()
@click.option("--name", required=True, help="Who gets the token, as logs and limits call it.")
@click.option(
    "--role", "roles", type=click.Choice(ROLES), multiple=True, required=True, help="Repeat for several."
)
@click.option(
    "--days",
    type=click.FloatRange(0.001, 3650),
    default=365,
    show_default=True,
    help="Days until it expires.",
)
@click.option(
    "--requests-per-second",
    "rate",
    type=click.FloatRange(0.1, 1e6),
    help="Most requests in a second; else PATHCAST_GATEWAY_REQUESTS_PER_SECOND.",
)
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="TOML file to add it to; PATHCAST_GATEWAY_TOKENS names it to the gateway.",
)
def token(name: str, roles: tuple[str, ...], days: float, rate: float | None, file: Path) -> None:
    """Make a token and print it once; FILE keeps only its hash. Delete its entry there to revoke it."""
    from gateway.http.token_file import Role
    from gateway.http.token_making import added

    click.echo(added(file, name, [Role(role) for role in roles], days, rate))
