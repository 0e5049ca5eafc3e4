"""Rolling origins: nothing is judged that was learned from, and the spread is that of the trials."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from deploy.cli import main
from tests.scoring import SHIPPED
from trainer.baselines.intent import INTENT
from trainer.examples.examples import Examples, ExamplesError
from trainer.experiments.pooled_origins import Period
from trainer.experiments.rolling_origin import OriginTrial, periods, spreads
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log


@pytest.fixture(scope="module")
def examples() -> Examples:
    return replay_log(read_log([SHIPPED]).head(5_000)).examples()


def test_every_period_comes_after_what_is_learned_from(examples) -> None:
    found = list(periods(examples, 3))
    assert len(found) == 3
    sizes = [len(before) for before, _ in found]
    assert sizes == sorted(sizes)
    assert sizes[0] >= 0.45 * len(examples)
    for before, after in found:
        assert not np.isin(after.session, before.session).any()
        began = np.unique(before.session, return_index=True)[1]
        later = np.unique(after.session, return_index=True)[1]
        assert before.ts[began].max() <= after.ts[later].min()
    for (before, after), (grown, _) in pairwise(found):
        assert len(grown) == len(before) + len(after)


def test_a_log_too_short_is_explained(examples) -> None:
    with pytest.raises(ExamplesError, match="too few to split by time"):
        list(periods(examples.part(np.arange(3)), 4))


def test_spreads_by_hand() -> None:
    areas = {(0, 0): 0.6, (0, 1): 0.8, (1, 0): 0.7, (1, 1): 0.9}
    none = Period(*(np.zeros(0, dtype=kind) for kind in (bool, np.int64, np.int64, np.int32))), np.zeros(0)
    found = [
        OriginTrial(origin, seed, "neural", {"auc": area}, *none) for (origin, seed), area in areas.items()
    ]
    found.append(OriginTrial(0, None, "lightgbm", {"auc": 0.5}, *none))
    made = spreads(found)
    assert list(made["neural"]) == ["auc"]
    assert made["neural"]["auc"] == pytest.approx((0.75, 0.05, 0.1))
    assert made["lightgbm"]["auc"] == (0.5, 0, 0)


def test_the_command_tells_mean_and_spread(tmp_path: Path) -> None:
    log, out = tmp_path / "log.parquet", tmp_path / "out.json"
    read_log([SHIPPED]).head(4_000).sink_parquet(log)
    named = ["benchmark", "intent", "--events", str(log), "--origins", "2", "--seeds", "2"]
    small = ["--set", "epochs=1", "--set", "hidden=16", "--set", "embedding=16", "--set", "seconds=1000000"]
    done = CliRunner().invoke(main, [*named, *small, "--json", str(out)])
    assert done.exit_code == 0, done.output
    assert "2 origins, 2 seeds" in done.output
    found = json.loads(out.read_text())
    neural = [trial for trial in found["trials"] if trial["method"] == "neural"]
    assert {(trial["origin"], trial["seed"]) for trial in neural} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert {"neural", "session_knn", *INTENT} <= set(found["summary"])
    spread = found["summary"]["neural"]["auc"]
    areas = [trial["figures"]["auc"] for trial in neural]
    assert spread["mean"] == pytest.approx(sum(areas) / 4)
    assert found["summary"]["neural"]["recall_20"]["over_seeds"] > 0
    assert found["summary"]["lightgbm"]["auc"]["over_seeds"] == 0
    pooled = found["pooled"]
    assert pooled["neural"]["lead"] is None
    assert len(pooled["neural"]["calibration"]) == 2
    lead = pooled["lightgbm"]["lead"]["auc"]
    assert lead["ahead"] == pytest.approx(
        pooled["neural"]["areas"]["auc"] - pooled["lightgbm"]["areas"]["auc"]
    )
    assert lead["low"] < lead["high"]
    for title in ("pooled over 2 periods", "calibration by period", "by click index"):
        assert title in done.output
