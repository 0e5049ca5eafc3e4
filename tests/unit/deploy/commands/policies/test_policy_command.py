"""`pathcast policy evaluate` and `compare`: figures in the file, names of policies, what is refused."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from deploy.cli import main
from models.decisions.actions import ActionSet
from models.policies.context_columns import Column
from models.registry import policy_versions
from tests.known_bandit import make
from tests.tiny_policies import files

_CASE = make(0, 3000)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The known bandit as a file, with other names for its columns."""
    logged = _CASE.logged
    frame = logged.context.with_columns(
        item=np.array(logged.actions)[logged.action],
        p=logged.propensity,
        gain=logged.reward,
        client=np.arange(len(logged)) // 2,
    )
    frame.write_csv(tmp_path / "log.csv")
    return tmp_path / "log.csv"


_MAP = ["--map", "action=item", "--map", "propensity=p", "--map", "reward=gain", "--map", "visitor_id=client"]


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["policy", *arguments])


def _evaluated(log: Path, policy: str, *more: str) -> dict:
    out = log.parent / "out.json"
    model = ("--reward-model", "means") if "--reward-model" not in more else ()
    given = ["--policy", policy, "--json", str(out), *model, *more]
    result = _run("evaluate", "--log", str(log), *_MAP, *given)
    assert result.exit_code == 0, result.output
    return json.loads(out.read_text())


def test_the_file_has_every_estimator(log):
    found = _evaluated(
        log, "nudge", "--estimators", "all", "--context", "spend,device", "--segment", "device"
    )
    truth = 0.35 * 0.5 + 0.15 * 0.1 + 0.35 * 0.2 + 0.15 * 0.3
    for name in ("dm", "ips", "ips_clipped", "snips", "dr", "switch_dr", "dros"):
        assert set(found[name]) >= {"value", "low", "high", "ess"}
        assert found[name]["low"] < found[name]["value"] < found[name]["high"]
    assert found["dr"]["low"] < truth < found["dr"]["high"]
    assert found["rows"] == {"read": 3000, "used": 3000, "refused": {}}
    assert found["visitors"] == 1500
    assert [row["segment"] for row in found["segments"]["device"]] == ["desktop", "mobile"]


def test_logging_is_the_mean_reward(log):
    found = _evaluated(log, "logging")
    for name in ("ips", "snips", "dr", "dros"):
        assert found[name]["value"] == pytest.approx(_CASE.logged.reward.mean())


def test_chosen_estimators_and_intervals_are_those_of_the_file(log):
    found = _evaluated(log, "uniform", "--estimators", "ips,dr", "--interval", "bernstein", "--level", "0.9")
    assert "snips" not in found
    assert [found["dr"]["low"], found["dr"]["high"]] == found["dr"]["intervals"]["bernstein"]
    assert found["interval"] == {"kind": "bernstein", "level": 0.9}


def test_two_policies_are_compared(log):
    out = log.parent / "out.json"
    given = ["--log", str(log), *_MAP, "--json", str(out), "--reward-model", "means"]
    result = _run("compare", "nudge", "logging", *given)
    assert result.exit_code == 0, result.output
    found = json.loads(out.read_text())
    assert found["dr"]["value"] == pytest.approx(found["a"]["dr"]["value"] - found["b"]["dr"]["value"])
    assert found["dr"]["low"] < found["dr"]["value"] < found["dr"]["high"]
    assert (found["a"]["policy"], found["b"]["policy"]) == ("nudge", "logging")
    assert "nudge" in result.output


def test_logs_with_steps_are_followed(log):
    frame = pl.read_csv(log).with_columns(session=pl.int_range(3000) // 3, at=pl.int_range(3000) % 3)
    frame.write_parquet(log.parent / "steps.parquet")
    steps = ["--map", "trajectory=session", "--map", "step=at", "--gamma", "0.5"]
    found = _evaluated(log.parent / "steps.parquet", "nudge", *steps, "--context", "spend,device")
    assert found["fqe"]["low"] < found["fqe"]["value"] < found["fqe"]["high"]
    assert found["fqe"]["ess"] == 1000
    # Steps are independent here: the value is that of one step, discounted.
    assert found["fqe"]["value"] == pytest.approx(found["dr"]["value"] * 1.75, abs=0.1)


def test_a_trained_policy_is_found_by_version_kind_and_latest(log, tmp_path):
    shown = "".join(f'[[actions]]\nname = "{name}"\nkind = "ad"\n' for name in ("ad", "coupon", "nudge"))
    chosen = ActionSet.load(
        f'placement = "home"\nepsilon = 0.1\n[[actions]]\nname = "none"\nkind = "none"\n{shown}'
    )
    columns = (Column("spend"), Column("device", words=("desktop", "mobile")))
    version = policy_versions.save(tmp_path / "reg", files(chosen, 1, columns), "home", 1_700_000_000_000)
    values = [
        _evaluated(log, name, "--registry", str(tmp_path / "reg"), "--context", "spend,device")["dr"]["value"]
        for name in (version, "softmax", "latest", f"version:{version}")
    ]
    assert len(set(values)) == 1
    assert values[0] != _evaluated(log, "uniform")["dr"]["value"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--policy", "coupons"], "--policy coupons: neither an action of the log (ad, coupon, none, nudge)"),
        (["--policy", "ad", "--estimators", "best"], "'best' is no estimator; expected all, or some of dm"),
        (["--policy", "ad", "--estimators", "fqe"], "fqe follows decisions over steps"),
        (["--policy", "ad", "--segment", "age"], "--segment age: expected a column of the context"),
        (["--policy", "ad", "--context", "age"], "--context age: log.csv has no column 'age'"),
        (["--policy", "ad", "--map", "ts=gain"], "ts is '"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(log, arguments, said):
    given = ["--log", str(log), *_MAP, "--json", str(log.parent / "out.json"), "--reward-model", "means"]
    result = _run("evaluate", *given, *arguments)
    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output
    assert not (log.parent / "out.json").exists()


def test_a_bad_row_ends_the_command_or_is_counted(log):
    frame = pl.read_csv(log)
    frame = frame.with_columns(p=pl.when(pl.int_range(3000) == 4).then(0.0).otherwise(pl.col("p")))
    frame.write_csv(log)
    given = ["--log", str(log), *_MAP, "--policy", "ad", "--json", str(log.parent / "o.json")]
    result = _run("evaluate", *given, "--reward-model", "means")
    assert result.exit_code == 1
    assert "log.csv row 6: propensity is '0.0'; expected a number of at least 1e-30" in result.output
    found = _evaluated(log, "ad", "--skip-refused")
    assert found["rows"] == {"read": 3000, "used": 2999, "refused": {"propensity": 1}}
