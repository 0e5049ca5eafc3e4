"""`pathcast dead-letters list | show | replay`."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from deploy.terminal.help_pages import Group
from deploy.terminal.tables import print_table
from deploy.terminal.time_option import utc_text
from models.contract.events import Reason

if TYPE_CHECKING:
    from deploy.cluster.dead_letters import DeadLetter
    from models.contract.pseudonyms import Pseudonyms


_HEX_BYTES = 4_096
_reasons = click.option(
    "--reason",
    "reasons",
    multiple=True,
    type=click.Choice([reason.value for reason in Reason]),
    help="Only this reason; repeat for more.",
)
_partition = click.option("--partition", type=click.IntRange(0), help="Partition of the dead letter.")
_offset = click.option("--offset", type=click.IntRange(0), help="Offset of the dead letter.")


@click.group(cls=Group)
def command() -> None:
    """List, show or replay refused inputs; each has a reason and its original bytes.

    With pseudonyms (PATHCAST_PSEUDONYM_KEY_FILE), keys are shown as pseudonyms.
    """


@command.command("list")
@_reasons
@click.option(
    "--limit",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="Most rows of the table.",
)
def list_letters(reasons: tuple[str, ...], limit: int) -> None:
    """Show the counts by reason, and the latest dead letters.

    An input that was replayed and refused again counts once, with the reason of the last refusal.
    """
    from deploy.cluster.clients import connection
    from deploy.cluster.refused_replays import read_newest
    from streams.config.secret_file import pseudonyms
    from streams.config.topics import TopicNames
    from streams.config.worker_settings import WorkerSettings

    pseudonymiser = pseudonyms(WorkerSettings().pseudonym_key_file)
    counts: Counter[str] = Counter()
    latest: deque[tuple[DeadLetter, int]] = deque(maxlen=limit)
    in_vain = 0
    for letter, times in read_newest(connection(), TopicNames().dead_letters, reasons):
        counts[letter.reason] += 1
        in_vain += times > 0
        latest.append((letter, times))
    for reason, count in counts.most_common():
        click.echo(f"{reason:<16}{count:>10,}")
    click.echo(f"{'in all':<16}{counts.total():>10,}")
    if in_vain:
        click.echo(f"{'replayed in vain':<16}{in_vain:>10,}")
    if latest:
        print_table(_table(latest, pseudonymiser))


def _table(letters: deque[tuple[DeadLetter, int]], pseudonymiser: Pseudonyms | None) -> Table:
    table = Table("partition", "offset", "when", "reason", "key", "message")
    for letter, times in letters:
        when = utc_text(letter.timestamp)
        cells = (
            str(letter.partition),
            str(letter.offset),
            when,
            letter.reason,
            _key(letter, pseudonymiser),
            f"{letter.message} ({_in_vain(times)})" if times else letter.message,
        )
        table.add_row(*map(Text, cells))
    return table


def _in_vain(times: int) -> str:
    return f"replayed {times} time{'s' if times > 1 else ''}, still refused"


def _key(letter: DeadLetter, pseudonymiser: Pseudonyms | None) -> str:
    return pseudonymiser.visitor(letter.key) if pseudonymiser and letter.key else _text(letter.key)


def _text(raw: bytes | None) -> str:
    return "-" if raw is None else raw.decode("utf-8", "backslashreplace")


@command.command()
@click.option("--partition", type=click.IntRange(0), required=True, help="Partition of the dead letter.")
@click.option("--offset", type=click.IntRange(0), required=True, help="Offset of the dead letter.")
@click.option("--plain", is_flag=True, help="Show the original key and bytes even with pseudonyms.")
def show(partition: int, offset: int, plain: bool) -> None:
    """Show one dead letter in full, as text and in hex; with pseudonyms, without what may hold an id."""
    from deploy.cluster.clients import connection
    from deploy.cluster.dead_letters import find
    from streams.config.secret_file import pseudonyms
    from streams.config.topics import TopicNames
    from streams.config.worker_settings import WorkerSettings

    pseudonymiser = None if plain else pseudonyms(WorkerSettings().pseudonym_key_file)
    letter = find(connection(), TopicNames().dead_letters, partition, offset)
    source = f"{letter.source_topic}, partition {letter.source_partition}, offset {letter.source_offset}"
    fields = {
        "reason": letter.reason,
        "message": letter.message,
        "source": source,
        "sent": utc_text(letter.source_timestamp),
        **({"replayed": _in_vain(letter.attempt)} if letter.attempt else {}),
        "key": _key(letter, pseudonymiser),
        **({} if pseudonymiser else {f"header {name}": _text(value) for name, value in letter.headers}),
        "bytes": "none" if letter.value is None else f"{len(letter.value):,}",
        "text": "not shown because it may hold ids; --plain shows it"
        if pseudonymiser
        else _text(letter.value),
    }
    for name, value in fields.items():
        click.echo(f"{name + ':':<10} {value}")
    for line in hex_lines(b"" if pseudonymiser else (letter.value or b"")[:_HEX_BYTES]):
        click.echo(line)


def hex_lines(raw: bytes) -> list[str]:
    """A hex dump in lines of 16 bytes: position, hex, printable characters."""
    rows = [(start, raw[start : start + 16]) for start in range(0, len(raw), 16)]
    return [f"{start:08x}  {row.hex(' '):<47}  {_printable(row)}" for start, row in rows]


def _printable(row: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)


@command.command()
@_reasons
@_partition
@_offset
@click.option("--limit", type=click.IntRange(1), help="Send at most this many.")
def replay(reasons: tuple[str, ...], partition: int | None, offset: int | None, limit: int | None) -> None:
    """Send the original bytes to their topic again: all of some reasons, or one by partition and offset.

    An input that was replayed before and refused again is sent once.
    """
    one = partition is not None and offset is not None
    if not one and not (reasons and partition is None and offset is None):
        raise click.UsageError("choose dead letters: --reason (once or more), or --partition with --offset")
    from deploy.cluster.clients import connection
    from deploy.cluster.dead_letters import find, resend
    from deploy.cluster.refused_replays import read_newest
    from streams.config.topics import TopicNames

    to, topic = connection(), TopicNames().dead_letters
    if partition is not None and offset is not None:
        sent = resend(to, topic, [find(to, topic, partition, offset)])
    else:
        # An open consumer would keep the process alive after an error.
        with closing(read_newest(to, topic, reasons)) as letters:
            sent = resend(to, topic, (letter for letter, _ in islice(letters, limit)))
    click.echo(f"{sent:,} sent again")
