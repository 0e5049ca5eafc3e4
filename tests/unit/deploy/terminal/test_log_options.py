"""Missing columns of a log are told before anything heavy is imported, and before its rows are read."""

import gzip
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

ROWS = {"when": ["1700000000000"], "who": ["v"], "event": ["view_item"]}
NAMED = ("--map", "ts=when", "--map", "visitor_id=who")
#: Runs the command, and says whether torch was imported.
RUN = """
import sys
from click.testing import CliRunner
from deploy.cli import main
print(CliRunner().invoke(main, sys.argv[1:]).output, "torch" in sys.modules)
"""


def told(*arguments: object) -> str:
    run = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return run.stdout


@pytest.mark.parametrize("form", ["csv.gz", "parquet"])
def test_a_missing_column_is_told_before_the_log_is_read(tmp_path: Path, form: str) -> None:
    path, frame = tmp_path / f"log.{form}", pl.DataFrame(ROWS)
    if form == "parquet":
        frame.write_parquet(path)
    else:
        # Whatever reads on finds that the file ends in the middle.
        path.write_bytes(gzip.compress(frame.write_csv().encode())[:-4])
    arguments = ("train", "--events", path, "--registry", tmp_path / "r")
    wrong = told(*arguments, "--map", "ts=whenever")
    assert f"--map ts=whenever: log.{form} has no such column, expected one of when, who, event" in wrong
    assert wrong.rstrip().endswith("False")
    lacking = told(*arguments, "--map", "ts=when")
    assert f"log.{form} has no column for visitor_id" in lacking
    assert lacking.rstrip().endswith("False")
