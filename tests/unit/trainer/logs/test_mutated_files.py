"""Mutated files of each kind through the reader of logs: rows are used, or counted by field and reason."""

from collections import Counter
from itertools import islice
from pathlib import Path

import polars as pl
import pytest

from models.contract.events import EVENTS, TS_MAX, TS_MIN
from tests.mutated_files import MutatedFile, mutated_files
from trainer.logs.log_checks import LogCheck, check_log, cure
from trainer.logs.log_files import read_log
from trainer.logs.reading import reading
from trainer.tables.log_error import LogError

USABLE = (
    pl.col("visitor_id").is_not_null(),
    pl.col("event").is_in(EVENTS),
    pl.col("ts").is_between(TS_MIN, TS_MAX - 1),
)


def check(path: Path, file: MutatedFile) -> LogCheck:
    """Every row of a file is there, and it is used or one of the faults."""
    found = check_log([path])
    with reading([path]):
        log = read_log([path]).collect()
    assert log.height == found.rows
    assert file.rows is None or found.rows == file.rows
    assert log.filter(*USABLE).height == found.rows - found.unusable
    faults = [fault.rows for fault in found.faults if fault.unusable]
    assert max(faults, default=0) <= found.unusable <= sum(faults)
    for fault in found.faults:
        assert fault.reason
        assert fault.rows > 0
        assert fault.line > 0
        assert fault.file == path.name
        assert cure(fault)
        assert "\n" not in fault.told()
    assert log["event_id"].n_unique() == log.height or file.rows is None
    return found


@pytest.mark.parametrize("size", [100, pytest.param(1000, marks=pytest.mark.long)])
def test_every_row_of_a_mutated_file_is_used_or_counted(tmp_path: Path, size: int) -> None:
    fates, refusals = Counter[str](), list[tuple[str, str]]()
    for number, file in enumerate(islice(mutated_files(3), size)):
        path = tmp_path / str(number) / file.name
        path.parent.mkdir()
        path.write_bytes(file.content)
        try:
            found = check(path, file)
        except LogError as error:
            refusals.append((file.name, str(error)))
            continue
        fates.update(files=1, rows=found.rows, used=found.rows - found.unusable)
        fates.update({f"{fault.field} {fault.reason}": fault.rows for fault in found.faults})
    print(f"\n{len(refusals)} files refused; {dict(fates.most_common())}")
    assert fates["files"] > size // 2
    assert refusals
    assert [told for name, told in refusals if name not in told or "\n" in told] == []
    assert fates["used"] > fates["rows"] // 2
