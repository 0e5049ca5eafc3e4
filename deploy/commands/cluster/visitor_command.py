"""`pathcast visitor forget | stores | pseudonym`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
from rich.table import Table

from deploy.terminal.help_pages import Group
from deploy.terminal.renamed_options import renamed_option
from deploy.terminal.tables import print_table

if TYPE_CHECKING:
    from deploy.privacy.copy_confirmations import Unconfirmed


@click.group(cls=Group)
def command() -> None:
    """Erase visitors on request, and show where their data is."""


def _named(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    """An id that a click can have: not empty, and UTF-8."""
    try:
        if value.encode():
            return value
    except UnicodeEncodeError as error:
        raise click.BadParameter(f"byte {error.start} of the id is no UTF-8; ids are UTF-8 text") from None
    raise click.BadParameter("the id is empty; name a visitor as the clicks do (visitor_id)")


@command.command()
@click.argument("visitor", callback=_named)
@click.option("--user", is_flag=True, help="VISITOR is the id of a user: forget all visitors linked to them.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@renamed_option(
    "--timeout",
    old="--seconds",
    default=60.0,
    show_default=True,
    help="Seconds to wait for the confirmations of the workers.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the proof as JSON, for programs.")
def forget(visitor: str, user: bool, yes: bool, timeout: float, as_json: bool) -> None:
    """Erase VISITOR everywhere and prove it: what each store had, and when each topic will have dropped it.

    Workers must be running. Stop collecting clicks of the visitor first: clicks that are still under way may
    arrive after the erasure, and begin a new history. The topics are read from start to end. With --user,
    VISITOR is the id of a user: all devices on which they were logged in last are forgotten.
    """
    if not yes:
        who = "user and all visitors linked to them" if user else "visitor"
        click.confirm(f"This cannot be undone. Forget the {who}?", abort=True)
    from deploy.cluster.clients import connection
    from deploy.privacy.forget import forget_visitor
    from deploy.privacy.forget_user import forget_user
    from deploy.privacy.search_scope import SearchScope
    from deploy.runs.event_log import opened
    from deploy.runs.visitor_erasure import proof_json
    from streams.config.secret_file import pseudonyms
    from streams.config.topics import TopicNames
    from streams.config.worker_settings import WorkerSettings

    worker = WorkerSettings()
    pseudonymiser = pseudonyms(worker.pseudonym_key_file)
    scope = SearchScope(connection(), TopicNames(), worker, opened(), pseudonymiser)
    proof = (forget_user if user else forget_visitor)(scope, visitor, timeout)
    if as_json:
        click.echo(json.dumps(proof_json(proof), indent=1))
        return
    table = Table("store", "found", "done", "erased by", title=f"request {proof.request}")
    for line in proof.lines:
        table.add_row(*line)
    print_table(table)
    for one in proof.unconfirmed:
        click.echo(_hint(one), err=True)


def _hint(one: Unconfirmed) -> str:
    partitions = ", ".join(map(str, one.partitions))
    state = (
        "runs but has not confirmed in time: repeat the request" if one.running else "does not run: start it"
    )
    return (
        f"The datadir at {one.place} may still hold the visitor (partitions {partitions}). Its worker "
        f"{state}. If the datadir was deleted, and not only switched off: {one.strike}"
    )


@command.command()
@click.argument("identifier", metavar="ID", callback=_named)
@click.option("--user", is_flag=True, help="ID is a user's (user_id), not a visitor's.")
def pseudonym(identifier: str, user: bool) -> None:
    """Show the pseudonym that answers have in the place of ID, if PATHCAST_PSEUDONYM_KEY_FILE is set."""
    from streams.config.secret_file import pseudonyms
    from streams.config.worker_settings import WorkerSettings

    pseudonymiser = pseudonyms(WorkerSettings().pseudonym_key_file)
    if pseudonymiser is None:
        raise click.ClickException(
            "there are no pseudonyms: ids stay as they are unless PATHCAST_PSEUDONYM_KEY_FILE names a secret"
        )
    make = pseudonymiser.user if user else pseudonymiser.visitor
    click.echo(make(identifier.encode()))


@command.command()
def stores() -> None:
    """List every store, what it holds of a visitor, and how that is erased."""
    from deploy.privacy.stores import STORES

    table = Table("store", "holds", "erased")
    for store in STORES:
        table.add_row(store.name, store.holds or "nothing of visitors", store.leaves)
    print_table(table)
