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
    "--directory", type=click.Path(path_type=Path), help="Where its data lives  [PATHCAST_BROKER_DIR]."
)


@click.group(cls=Group)
def command() -> None:
    """The bundled Apache Kafka: one node, its data kept between runs."""


@command.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Its port  [PATHCAST_BROKER_PORT, else 9092].")
@_directory
@click.option("--heap", default="512m", show_default=True, envvar="PATHCAST_BROKER_HEAP", help="Java heap.")
@click.option("--foreground", is_flag=True, help="Stay until Ctrl-C, then stop it.")
def start(port: int | None, directory: Path | None, heap: str, foreground: bool) -> None:
    """Start it, unless it runs. The first time it is downloaded (44 MB)."""
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
    raise BrokerError(f"the broker ended by itself: see {broker.files.log}")


@command.command()
@_directory
def stop(directory: Path | None) -> None:
    """Stop it cleanly; the data stays."""
    from deploy.broker.broker import Broker, default_directory

    stopped = Broker(directory or default_directory()).stop()
    click.echo("stopped; its data is kept" if stopped else "no broker was running")


@command.command()
@_directory
def status(directory: Path | None) -> None:
    """Say whether it runs, and where; exit code 3 if it does not."""
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
