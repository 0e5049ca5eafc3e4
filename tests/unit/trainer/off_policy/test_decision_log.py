"""Reading logs of decisions: columns, kinds of values, rows that cannot be used."""

import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from trainer.off_policy.decision_log import HowRead, read_decisions
from trainer.tables.log_error import LogError

_ROWS = {
    "age": [20.0, 30.0, None, 50.0],
    "device": ["mobile", "desktop", "mobile", None],
    "action": ["coupon", "none", "coupon", "ad"],
    "propensity": [0.5, 0.25, 0.5, 0.25],
    "reward": [1.0, 0.0, 2.5, -1.0],
}
_PLAIN = HowRead({})


def _csv(folder: Path, name: str = "log.csv", **changed: list) -> Path:
    path = folder / name
    pl.DataFrame({**_ROWS, **changed}, strict=False).write_csv(path)
    return path


def test_a_csv_log_has_its_values_in_place(tmp_path):
    log = read_decisions([_csv(tmp_path)], _PLAIN)
    found = log.decisions
    assert found.actions == ("ad", "coupon", "none")
    assert found.action.tolist() == [1, 2, 1, 0]
    assert found.propensity.tolist() == [0.5, 0.25, 0.5, 0.25]
    assert found.reward.tolist() == [1.0, 0.0, 2.5, -1.0]
    assert found.context.schema == {"age": pl.Float64, "device": pl.String}
    assert found.context["age"].to_list() == [20.0, 30.0, None, 50.0]
    assert found.allowed is None
    assert found.mask.all()
    assert (log.counts.read, log.counts.used, log.counts.refused) == (4, 4, {})


def test_parquet_json_and_compressed_text_give_the_same_decisions(tmp_path):
    frame = pl.DataFrame(_ROWS)
    frame.write_parquet(tmp_path / "log.parquet")
    frame.write_ndjson(tmp_path / "log.jsonl")
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress(frame.write_csv().encode()))
    first = read_decisions([_csv(tmp_path)], _PLAIN).decisions
    for name in ("log.parquet", "log.jsonl", "log.csv.gz"):
        other = read_decisions([tmp_path / name], _PLAIN).decisions
        assert other.actions == first.actions
        assert other.context.equals(first.context)
        assert np.array_equal(other.action, first.action)
        assert np.array_equal(other.reward, first.reward)


def test_columns_are_renamed_and_the_context_is_chosen(tmp_path):
    path = tmp_path / "obd.csv"
    path.write_text(",timestamp,item_id,position,click,score\n0,2019-11-24 00:00:34.7+00:00,14,3,0,0.5\n")
    mapping = {"action": "item_id", "reward": "click", "propensity": "score", "ts": "timestamp"}
    found = read_decisions([path], HowRead(mapping)).decisions
    assert found.context.schema == {"position": pl.Float64}
    assert found.ts is not None
    assert found.ts.tolist() == [1574553634700]
    words = read_decisions([path], HowRead(mapping, ["position:word"])).decisions
    assert words.context.rows() == [("3",)]


def test_files_are_read_as_one_log(tmp_path):
    _csv(tmp_path, "a.csv")
    _csv(tmp_path, "b.csv", device=["1", "2", "3", "4"])
    log = read_decisions([tmp_path / "a.csv", tmp_path / "b.csv"], _PLAIN)
    assert len(log.decisions) == 8
    assert log.counts.read == 8
    assert log.decisions.context["device"].to_list()[4:] == ["1", "2", "3", "4"]
    _csv(tmp_path, "c.csv", other=[1, 2, 3, 4])
    with pytest.raises(LogError, match="only some of them have the column 'other'"):
        read_decisions([tmp_path / "a.csv", tmp_path / "c.csv"], _PLAIN)


def test_allowed_actions_probabilities_visitors_and_steps_are_read(tmp_path):
    chances = [
        {"coupon": 0.5, "ad": 0.5},
        {"none": 0.25, "ad": 0.75},
        {"coupon": 0.5, "x": 0.5},
        {"ad": 0.25},
    ]
    chances[3]["none"] = 0.75
    path = _csv(
        tmp_path,
        allowed=["coupon|ad", "none | ad", "coupon|x", "ad|none"],
        probabilities=[json.dumps(one) for one in chances],
        visitor_id=["b", "a", "b", "c"],
        trajectory=[7, 7, 9, 9],
        step=[0, 1, 0, 1],
    )
    found = read_decisions([path], _PLAIN).decisions
    assert found.actions == ("ad", "coupon", "none", "x")
    assert found.mask.tolist()[0] == [True, True, False, False]
    assert found.probabilities is not None
    assert found.probabilities[2].tolist() == [0.0, 0.5, 0.0, 0.5]
    assert found.visitor is not None
    assert found.visitor.tolist() == [1, 0, 1, 2]
    assert found.trajectory is not None
    assert found.trajectory.tolist() == [0, 0, 1, 1]
    assert found.step is not None
    assert found.step.tolist() == [0, 1, 0, 1]
    part = found.rows(np.array([False, True, True, False]))
    assert part.action.tolist() == [2, 1]
    assert part.mask[1].tolist() == [False, True, False, True]


_BAD = [
    ("propensity", 0.0, "propensity is '0.0'; expected a number of at least 1e-30"),
    ("propensity", 1.5, "propensity is '1.5'"),
    ("propensity", None, "propensity is missing"),
    ("propensity", -0.1, "propensity is '-0.1'"),
    ("propensity", float("nan"), "propensity is 'NaN'"),
    ("propensity", "half", "propensity is 'half'"),
    ("reward", float("nan"), "reward is 'NaN'; expected a number, at most"),
    ("reward", float("inf"), "reward is 'inf'"),
    ("reward", None, "reward is missing"),
    ("action", None, "action is missing; expected the name of an action"),
    ("action", "  ", "action is '  '"),
]


@pytest.mark.parametrize(("field", "value", "said"), _BAD)
def test_a_bad_row_is_named_or_counted(tmp_path, field, value, said):
    values = [str(one) for one in _ROWS[field]] if isinstance(value, str) else list(_ROWS[field])
    values[2] = value
    path = _csv(tmp_path, **{field: values})
    with pytest.raises(LogError, match=f"log.csv row 4: {said}") as error:
        read_decisions([path], _PLAIN)
    assert f"1 by {field}" in str(error.value)
    assert "--skip-refused" in str(error.value)
    log = read_decisions([path], HowRead({}, skip_refused=True))
    assert log.counts.refused == {field: 1}
    assert log.counts.read == log.counts.used + 1 == 4
    assert log.decisions.reward.tolist() == [1.0, 0.0, -1.0]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("allowed", "ad"),
        ("allowed", ""),
        ("allowed", None),
        ("probabilities", '{"coupon": 0.5}'),
        ("probabilities", '{"coupon": 0.9, "ad": 0.1}'),
        ("probabilities", '{"coupon": 0.5, "ad": 0.9, "none": -0.4}'),
        ("probabilities", "0.5"),
        ("probabilities", None),
        ("step", "first"),
        ("ts", "yesterday"),
    ],
)
def test_what_does_not_fit_the_action_is_refused(tmp_path, column, value):
    good = {"allowed": "coupon|none|ad", "step": "0", "ts": "2026-01-01T00:00:00Z"}
    chances = ['{"coupon":0.5,"none":0.25,"ad":0.25}'] * 4
    values = chances if column == "probabilities" else [good[column]] * 4
    path = _csv(tmp_path, **{column: [value, *values[1:]]})
    with pytest.raises(LogError, match=f"row 2: {column} is "):
        read_decisions([path], _PLAIN)


def test_a_line_that_is_no_row_is_named(tmp_path):
    path = _csv(tmp_path)
    path.write_text(path.read_text() + "1,2\n")
    with pytest.raises(LogError, match="row 6: line is '1,2'; expected a line with as many fields"):
        read_decisions([path], _PLAIN)


def test_logs_without_decisions_or_columns_say_what_to_do(tmp_path):
    empty = tmp_path / "empty.csv"
    empty.write_text("action,propensity,reward\n")
    with pytest.raises(LogError, match="no decision to use among 0 rows"):
        read_decisions([empty], _PLAIN)
    with pytest.raises(LogError, match=r"has no column .reward.; name the column.* --map reward=COLUMN"):
        read_decisions([_without_reward(tmp_path)], _PLAIN)
    with pytest.raises(LogError, match="has no column 'gain'; it has age, device"):
        read_decisions([_csv(tmp_path)], HowRead({"reward": "gain"}))
    with pytest.raises(LogError, match="no field 'item'; expected one of action, propensity"):
        read_decisions([_csv(tmp_path)], HowRead({"item": "age"}))
    with pytest.raises(LogError, match=r"--context height: log.csv has no column 'height'"):
        read_decisions([_csv(tmp_path)], HowRead({}, ["height"]))
    with pytest.raises(LogError, match="is the reward, which a policy cannot know"):
        read_decisions([_csv(tmp_path)], HowRead({}, ["age", "reward"]))


def _without_reward(folder: Path) -> Path:
    path = folder / "bare.csv"
    pl.DataFrame(_ROWS).drop("reward").write_csv(path)
    return path
