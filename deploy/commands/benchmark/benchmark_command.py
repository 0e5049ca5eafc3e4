"""`pathcast benchmark`: the protocols of papers, and experiments on inputs."""

import click

from deploy.commands.benchmark.heads_benchmark import heads
from deploy.commands.benchmark.inputs import cold_items, damaged
from deploy.commands.benchmark.lapsing_benchmark import lapsing
from deploy.commands.benchmark.next_item_command import next_item
from deploy.commands.benchmark.origins import intent
from deploy.commands.benchmark.prequential_command import prequential
from deploy.commands.benchmark.transfer_command import transferred
from deploy.terminal.help_pages import Group


@click.group(cls=Group)
def command() -> None:
    """Measure methods by the protocols of papers, and what their inputs contribute."""


for _subcommand in (cold_items, damaged, heads, lapsing, intent, prequential, next_item, transferred):
    command.add_command(_subcommand)
