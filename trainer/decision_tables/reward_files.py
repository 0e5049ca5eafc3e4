"""Files of records of the topic `rewards`, one JSON object a line, as tables of logged decisions."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl

from models.contract.rewards import Reward
from trainer.decision_tables.reward_table import context_columns, reward_table
from trainer.tables.table import BROKEN, LINE, FileTable

#: A longer line is no record.
_MOST_BYTES = 1 << 20


class RewardFile(NamedTuple):
    """The records as a table, and which of its columns are context."""

    table: FileTable
    context: list[str]


def reward_file(path: Path) -> RewardFile | None:
    """The records of a file whose first line is one; None for any other file."""
    if not _begins(path):
        return None
    rewards, numbers, broken = [], [], dict[int, str]()
    decode = msgspec.json.Decoder(Reward).decode
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                rewards.append(decode(line))
                numbers.append(number)
            except (msgspec.DecodeError, UnicodeDecodeError):
                broken[number] = line.decode(errors="replace").rstrip()
    frame = reward_table(rewards)
    read = frame.with_columns(
        pl.Series(LINE, numbers, pl.UInt32), pl.lit(None, dtype=pl.String).alias(BROKEN)
    )
    odd = pl.DataFrame(
        {LINE: list(broken), BROKEN: list(broken.values())}, {LINE: pl.UInt32, BROKEN: pl.String}
    )
    whole = pl.concat([read, odd], how="diagonal").sort(LINE)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return RewardFile(
        FileTable(whole.lazy(), frame.columns, ("records of the topic rewards",), digest),
        context_columns(frame),
    )


def _begins(path: Path) -> bool:
    try:
        with path.open("rb") as lines:
            msgspec.json.decode(lines.readline(_MOST_BYTES), type=Reward)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
