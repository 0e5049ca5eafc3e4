"""The leak auditor: finds what was planted, and nothing in what serves."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from deploy.cli import main
from models.durations import DAY_MS
from models.features.features import NAMES
from tests.scoring import SHIPPED
from trainer.examples.examples import Examples, ExamplesError
from trainer.experiments.leakage import Finding, find_leaks
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.options import Options

LOG = read_log([SHIPPED]).sort("ts", maintain_order=True).head(6_000).collect()
PLANTED = ("honest", "bought", "noisy", "length", "last_time", "bursts")


def planted(log: pl.LazyFrame) -> Examples:
    """Features made by hand: one that knows nothing it should not, and several that do."""
    found = replay_log(log).examples()
    random = np.random.default_rng(len(found))
    length = np.bincount(found.session)[found.session]
    columns = (
        found.position,
        found.buys,
        found.buys + random.normal(0, 2, len(found)),
        length,
        np.full(len(found), found.ts[-1] % 1_000_003),
        found.ts // (6 * 3_600_000) % 4,
    )
    return replace(found, features=np.column_stack(columns).astype(np.float32))


@pytest.fixture(scope="module")
def found() -> dict[str, Finding]:
    return {finding.name: finding for finding in find_leaks(LOG.lazy(), planted, PLANTED)}


def test_a_feature_that_is_the_label_is_found_by_itself(found) -> None:
    assert found["bought"].auc == 1
    assert "alone" in found["bought"].flags


@pytest.mark.parametrize("name", ["bought", "noisy", "length", "last_time"])
def test_what_reads_the_future_changes_without_it(found, name) -> None:
    assert "future" in found[name].flags
    assert found[name].changed > 0


def test_what_reads_the_past_is_let_through(found) -> None:
    assert found["honest"].flags == ()
    assert found["honest"].changed == 0
    assert "future" not in found["bursts"].flags


def test_what_tells_the_time_of_day_is_as_good_on_other_days() -> None:
    """All buy in the evening, whoever they are: the hour still knows with the labels of other days."""

    def evenings(log: pl.LazyFrame) -> Examples:
        found = replay_log(log).examples()
        hour = found.ts % DAY_MS // 3_600_000
        return replace(found, features=hour[:, None].astype(np.float32), buys=hour >= 18)

    (finding,) = find_leaks(LOG.lazy(), evenings, ("hour",))
    assert "other days" in finding.flags
    assert finding.other_days_auc > 0.8


def test_of_the_features_that_serve_only_those_of_time_are_flagged() -> None:
    """Which is why the network and the baselines do not learn from them by default."""
    findings = find_leaks(LOG.lazy(), lambda log: replay_log(log).examples())
    assert sorted(finding.name for finding in findings) == sorted(NAMES)
    flagged = {finding.name: finding.flags for finding in findings if finding.flags}
    assert all(name.startswith(Options().ignored) for name in flagged), flagged
    assert set(flagged.values()) <= {("other days",)}
    assert not any(finding.changed for finding in findings)
    assert findings[0].auc > 0.55
    assert findings == sorted(findings, key=lambda finding: -finding.auc)


def test_one_class_cannot_be_audited() -> None:
    views = LOG.lazy().filter(pl.col("event") != "purchase").head(300)
    with pytest.raises(ExamplesError, match="0 of 300 clicks are before a purchase"):
        find_leaks(views, lambda log: replay_log(log).examples())


def test_the_command_says_what_it_found(tmp_path: Path) -> None:
    log, out = tmp_path / "log.parquet", tmp_path / "out.json"
    LOG.write_parquet(log)
    named = ["audit", "--events", str(log), "--limit", "3000", "--json", str(out)]
    done = CliRunner().invoke(main, named)
    assert done.exit_code == 0, done.output
    assert "AUC alone" in done.output
    assert {finding["name"] for finding in json.loads(out.read_text())} == set(NAMES)


def test_the_command_fails_where_a_feature_is_flagged(tmp_path: Path, monkeypatch) -> None:
    log = tmp_path / "log.parquet"
    LOG.write_parquet(log)
    flagged = [Finding("clicks", 0.99, 0.5, 3, ("alone", "future"))]
    monkeypatch.setattr("trainer.experiments.leakage.find_leaks", lambda *_: flagged)
    done = CliRunner().invoke(main, ["audit", "--events", str(log)])
    assert done.exit_code == 1
    assert "1 features are flagged: clicks (alone, future)" in done.output
