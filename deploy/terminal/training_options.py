"""Options that several commands share: training settings, and the file of a command's figures."""

import click

from deploy.terminal.log_options import FILE
from deploy.terminal.out_file import OUT

config_option = click.option("--config", type=FILE, help="TOML file of training settings.")
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A training setting, such as epochs=6; repeat for more.",
)
device_option = click.option(
    "--device",
    type=click.Choice(["cpu", "cuda", "auto"]),
    default="auto",
    show_default=True,
    help="Where the network trains; auto takes a GPU if there is one.",
)
figures_option = click.option("--json", "out", type=OUT, help="Write all figures to this JSON file.")
origins_option = click.option(
    "--origins",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="Test periods, in the later half of the log.",
)
budget_option = click.option(
    "--time-budget", default=2.5, show_default=True, help="Most minutes for the epochs of each network."
)
