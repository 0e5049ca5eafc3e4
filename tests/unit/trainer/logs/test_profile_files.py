"""What the shop knows of people reaches the training, from a file as it is on the topic."""

import gzip
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from deploy.cli import main
from models.contract.profile_updates import ProfileUpdate
from models.features.features import NAMES
from tests.scoring import SHIPPED
from trainer.logs.log_files import read_log
from trainer.logs.profile_files import read_profiles
from trainer.logs.reading import LogError
from trainer.training.log_parts import Run, read_run

TS = 1_700_000_000_000
ANNA = f'{{"user_id": "anna", "ts": {TS}, "interests": {{"hats": 0.5}}}}'


def test_updates_are_read_line_by_line(tmp_path: Path) -> None:
    plain, packed = tmp_path / "profiles.jsonl", tmp_path / "profiles.jsonl.gz"
    plain.write_text(f'{ANNA}\n\n{{"visitor_id": "v1", "ts": {TS}, "gender": "f"}}\n')
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    expected = [
        ProfileUpdate(user_id="anna", ts=TS, interests={"hats": 0.5}),
        ProfileUpdate(visitor_id="v1", ts=TS, gender="f"),
    ]
    assert read_profiles(plain) == read_profiles(packed) == expected
    assert read_profiles(None) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 2 of p.jsonl: not JSON"),
        ('{"ts": 1700000000000}', "0 of visitor_id and user_id"),
        ('{"visitor_id": "v", "user_id": "u", "ts": 1700000000000}', "2 of visitor_id and user_id"),
        ('{"visitor_id": "v", "ts": 5}', r"\$.ts"),
    ],
)
def test_a_line_that_is_no_update_is_named(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text(f"{ANNA}\n{line}\n")
    with pytest.raises(LogError, match=says):
        read_profiles(file)
    with pytest.raises(LogError, match="cannot be read"):
        read_profiles(tmp_path)


def test_a_run_learns_from_them(tmp_path: Path) -> None:
    log, file = tmp_path / "log.parquet", tmp_path / "profiles.jsonl"
    rows = read_log([SHIPPED]).sort("ts").head(2_000).collect()
    rows.write_parquet(log)
    # The category of the visitor's later clicks, told before them.
    told = rows.filter(pl.col("category").is_not_null()).group_by("visitor_id").last().sort("visitor_id")
    first = int(rows["ts"].min())
    with file.open("w") as out:
        for name, category in told.select("visitor_id", "category").iter_rows():
            out.write(f'{{"visitor_id": "{name}", "ts": {first}, "interests": {{"{category}": 1}}}}\n')
    column = NAMES.index("interest_this")
    with_them = read_run(Run([log], tmp_path, profiles=file))
    without = read_run(Run([log], tmp_path))
    assert with_them.learned.features[:, column].mean() > 0.5
    assert without.learned.features[:, column].max() == 0
    assert with_them.metrics["lineage"] != without.metrics["lineage"], (
        "the file is part of what a version is of"
    )


def test_a_file_of_profiles_that_is_none_ends_the_command_in_a_sentence(tmp_path: Path) -> None:
    log, file = tmp_path / "log.csv", tmp_path / "profiles.jsonl"
    log.write_text("visitor_id,ts,event\nv,1700000000000,page_view\n")
    file.write_text("[]\n")
    named = ["train", "--events", str(log), "--registry", str(tmp_path), "--profiles", str(file)]
    done = CliRunner().invoke(main, named)
    assert done.exit_code == 1
    assert "line 1 of profiles.jsonl: Expected `object`, got `array`" in f"{done.exception} {done.output}"
