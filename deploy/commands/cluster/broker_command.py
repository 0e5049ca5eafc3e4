"""`pathcast broker start | stop | status`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from deploy.terminal.help_pages import Group

if TYPE_CHECKING:
    from deploy.broker.broker import Broker


_directory = click.option(
    "--directory", type=click.Path(path_type=Path), help="Folder of its data  [PATHCAST_BROKER_DIR]."
)


@click.group(cls=Group)
def command() -> None:
    """Run the bundled Apache Kafka: one node that keeps its data between runs."""


@command.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port to listen on  [PATHCAST_BROKER_PORT, else 9092].",
)
@_directory
@click.option(
    "--heap",
    default="512m",
    show_default=True,
    envvar="PATHCAST_BROKER_HEAP",
    help="Size of the Java heap.",
)
@click.option("--foreground", is_flag=True, help="Wait for Ctrl-C, then stop the broker.")
def start(port: int | None, directory: Path | None, heap: str, foreground: bool) -> None:
    """Start the broker unless it runs. The first start downloads Kafka (44 MB)."""
    from deploy.broker.broker import Broker, default_directory, default_port

    broker = Broker(directory or default_directory(), port or default_port(), heap)
    with Console(stderr=True).status("starting Apache Kafka"):
        started = broker.start()
    click.echo(f"Apache Kafka {'is up' if started else 'was up already'} at {broker.bootstrap}")
    click.echo(f"data and log: {broker.directory}")
    if foreground:
        _watch(broker)


def _watch(broker: Broker) -> None:
    from deploy.broker.distribution import BrokerError

    try:
        while broker.running():
            time.sleep(0.5)
    except KeyboardInterrupt:
        broker.stop()
        click.echo("stopped")
        return
    raise BrokerError(f"the broker ended unexpectedly: see {broker.files.log}")


@command.command()
@_directory
def stop(directory: Path | None) -> None:
    """Stop the broker cleanly; its data stays."""
    from deploy.broker.broker import Broker, default_directory

    stopped = Broker(directory or default_directory()).stop()
    click.echo("stopped; its data is kept" if stopped else "no broker was running")


@command.command()
@_directory
def status(directory: Path | None) -> None:
    """Show whether the broker runs, and where; exits with 3 if it does not."""
    import psutil

    from deploy.broker.broker import Broker, default_directory

    broker = Broker(directory or default_directory())
    running = broker.running()
    if not running:
        click.echo(f"not running (data: {broker.directory})")
        raise click.exceptions.Exit(3)
    memory = psutil.Process(running.pid).memory_info().rss >> 20
    where = f"127.0.0.1:{running.port}, pid {running.pid}, {memory} MB"
    click.echo(f"running at {where} (data: {broker.directory})")
