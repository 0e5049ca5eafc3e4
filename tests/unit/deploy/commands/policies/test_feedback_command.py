"""`pathcast feedback`: a report of files, and what is no record is said."""

import json

import msgspec
from click.testing import CliRunner

from deploy.cli import main
from tests.unit.trainer.off_policy.test_reward_table import SOLD, T0, lines, reward


def test_a_report_of_files(tmp_path):
    records = [reward(number, outcomes=SOLD if number < 3 else ()) for number in range(10)]
    path, out = lines(tmp_path / "rewards.jsonl", records), tmp_path / "out.json"
    result = CliRunner().invoke(main, ["feedback", "report", str(path), "--json", str(out)])
    assert result.exit_code == 0, result.output
    (row,) = json.loads(out.read_text())["decisions"]
    assert (row["action"], row["cases"], row["bought"]["value"]) == ("ad", 10, 0.3)
    assert row["bought"]["low"] < 0.3 < row["bought"]["high"]
    since = ["feedback", "report", str(path), "--since", str(T0 + 8), "--json", str(out)]
    assert CliRunner().invoke(main, since).exit_code == 0
    assert json.loads(out.read_text())["decisions"][0]["cases"] == 2


def test_what_is_no_record_is_said(tmp_path):
    path = tmp_path / "odd.jsonl"
    path.write_bytes(msgspec.json.encode(reward()) + b"\n{}\nnot json\n")
    result = CliRunner().invoke(main, ["feedback", "report", str(path)])
    assert result.exit_code == 1
    assert "2 records are neither" in result.output


def test_an_age_is_counted_back_from_now(tmp_path):
    path = lines(tmp_path / "rewards.jsonl", [reward()])
    result = CliRunner().invoke(main, ["feedback", "report", str(path), "--since", "soon"])
    assert result.exit_code == 2
    assert "soon" in result.output
    assert CliRunner().invoke(main, ["feedback", "report", str(path), "--since", "1.5d"]).exit_code == 0
