"""`pathcast experiment values`: the values of guidance, learned from logged decisions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.terminal.dialect_options import dialect_options
from deploy.terminal.log_options import FILE
from deploy.terminal.map_option import mapping_option
from deploy.terminal.out_file import OUT, writing
from models.errors import PathcastError

if TYPE_CHECKING:
    from trainer.tables.dialect import Dialect


@click.command("values")
@click.option("--log", "logs", type=FILE, multiple=True, required=True, help="Logged decisions; repeat.")
@mapping_option
@dialect_options(event=False)
@click.option("--actions", type=FILE, required=True, help="Actions file that gets the values.")
@click.option(
    "--state", default="intent", show_default=True, help="Column with the intent state of each decision."
)
@click.option("--output", type=OUT, help="Write the file with its values here  [standard output].")
def values(
    logs: tuple[Path, ...],
    mapping: Mapping[str, str],
    dialect: Dialect,
    actions: Path,
    state: str,
    output: Path | None,
) -> None:
    """Learn the `intent_values` of an actions file from tables of logged decisions.

    A table has `action`, `propensity` and `reward` (other names by --map), and the session's state: a word
    in the column of --state, or the vector of a guidance policy, as records of the topic `rewards` have it.
    """
    from models.decisions.actions import ActionSet
    from trainer.ab_tests.guidance_log import guidance_log
    from trainer.ab_tests.intent_values import intent_values, with_values
    from trainer.off_policy.decision_log import HowRead, read_decisions

    text = _text(actions)
    read = ActionSet.load(text)
    log = read_decisions(logs, HowRead(mapping, None, dialect)).decisions
    learned = intent_values(guidance_log(log, read, state), read)
    made = with_values(text, learned)
    ActionSet.load(made)
    if output is None:
        click.echo(made, nl=False)
        return
    with writing(output):
        output.write_text(made)
    count = sum(map(len, learned.values()))
    click.echo(f"{count} values of {len(learned)} actions learned from {len(log):,} decisions: {output}")


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise PathcastError(f"{path} cannot be read ({error}): name another file") from error
