"""Who comes back: the model's own arithmetic, and habits found again in made visitors."""

import json

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from deploy.cli import main
from deploy.cluster.lapsing_visitors import State, Wanted, _named, reason, sweep
from models.contract.events import Click
from models.contract.pseudonyms import Pseudonyms
from models.durations import DAY_MS
from models.forecasting.lapsing_model import (
    VISITS,
    LapsingParameters,
    lapse_probability,
    returns,
    traits,
    visits,
)
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.visitor import Visitor
from trainer.forecasting.lapsing_training import LapsingError, learn

START = 20_000 * DAY_MS
HABITS = LapsingParameters(shape=-0.3, rate=1.0, lost=-0.5, kept=1.0)


def table(rows) -> np.ndarray:
    """VISITS of (first day, last day, sessions); one click a session."""
    made = np.zeros(len(rows), VISITS)
    for place, (first, last, sessions) in enumerate(rows):
        made[place]["first"], made[place]["last"] = START + first * DAY_MS, START + last * DAY_MS
        made[place]["sessions"] = made[place]["clicks"] = sessions
    return made


def drawn(count: int, days: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Visitors who behave as HABITS say: their first `days`, and whether they came in the 14 after."""
    random, rows, back = np.random.default_rng(seed), [], []
    shape, rate, left, kept = np.exp([HABITS.shape, HABITS.rate, HABITS.lost, HABITS.kept])
    for _ in range(count):
        pace, leaves = random.gamma(shape) / rate, random.beta(left, kept)
        day, seen = 0.0, [0.0]
        while random.random() > leaves and day < days + 14:
            day += random.exponential(1 / max(pace, 1e-9))
            seen.append(day)
        known = [at for at in seen if at < days]
        rows.append((0, int(known[-1]), len(known)))
        back.append(any(days <= at < days + 14 for at in seen))
    return table(rows), np.array(back)


def test_a_record_says_what_is_read_of_it() -> None:
    visitor, config = None, SessionConfig()
    for number, (day, event, price) in enumerate(
        [(0, "view_item", 5.0), (0, "add_to_cart", 5.0), (3, "purchase", 7.5)]
    ):
        click = Click(
            event_id=str(number),
            visitor_id="v",
            ts=START + day * DAY_MS,
            event=event,
            item_id="i",
            price=price,
        )
        visitor, _ = step(visitor, click, click.ts, config)
    (row,) = visits([visitor])
    assert (row["sessions"], row["clicks"], row["carts"], row["purchases"], row["orders"]) == (2, 3, 1, 1, 1)
    assert (row["last"] - row["first"], row["spend"]) == (3 * DAY_MS, 7_500)
    again, recency, age = returns(visits([visitor]), START + 10 * DAY_MS)
    assert (again[0], recency[0], age[0]) == (1, 3, 10)
    np.testing.assert_allclose(traits(visits([visitor])), [[np.log(1.5), 1, 1]])
    said = reason(row, START + 10 * DAY_MS)
    assert said.startswith(
        "away for 7 days; came in 2 sessions over 3 days; 1 order worth 7.50 in the shop's currency"
    )
    (once,) = table([(0, 0, 1)])
    once["cart"] = 12_345
    assert reason(once, START + DAY_MS) == (
        "away for 1 day; came in 1 session over 0 days; left a cart worth 12.345 in the shop's currency"
    )


def test_sessions_of_one_day_are_one_visit() -> None:
    again, recency, _ = returns(table([(0, 0, 5), (0, 1, 5), (0, 9, 3)]), START + 20 * DAY_MS)
    assert again.tolist() == [0, 1, 2]
    assert recency.tolist() == [0, 1, 9]


def test_absence_loses_and_a_longer_outlook_finds() -> None:
    made = table([(0, 10, 6), (0, 10, 6), (0, 10, 6)])
    at = [START + day * DAY_MS for day in (11, 20, 60)]
    chances = [lapse_probability(HABITS, made[:1], when, 14)[0] for when in at]
    assert chances == sorted(chances)
    assert 0 < chances[0] < 0.6 < chances[2] < 1
    outlooks = [lapse_probability(HABITS, made[:1], at[0], days)[0] for days in (1, 7, 30)]
    assert outlooks == sorted(outlooks, reverse=True)


def test_habits_are_found_again_and_are_calibrated() -> None:
    known, back = drawn(6_000, 40, 0)
    at = START + 40 * DAY_MS
    found = learn(known, at)
    assert found == learn(known, at)
    chance = 1 - lapse_probability(found, known, at, 14)
    assert chance.mean() == pytest.approx(back.mean(), rel=0.12)
    for group in np.array_split(np.argsort(chance), 4)[2:]:
        assert chance[group].mean() == pytest.approx(back[group].mean(), rel=0.25)
    true = 1 - lapse_probability(HABITS, known, at, 14)
    assert np.corrcoef(chance, true)[0, 1] > 0.97


def test_too_few_visitors_are_not_learned_from() -> None:
    with pytest.raises(LapsingError, match=r"knows 3 visitors of whom 3 came again.*at least 50 and 10"):
        learn(table([(0, 5, 3)] * 3), START + 9 * DAY_MS)
    with pytest.raises(LapsingError, match=r"100 visitors of whom 0 came again"):
        learn(table([(0, 0, 9)] * 100), START + 9 * DAY_MS)


def test_the_sweep_chooses_and_orders() -> None:
    made = table([(0, 10, 6), (0, 10, 6), (0, 10, 6), (0, 19, 6), (0, 10, 1), (-60, -30, 9)])
    made["spend"][1], made["orders"][1] = 90_000, 2
    state = State(["a", "rich", "c", "just here", "once", "long gone"], [0, 1, 0, 0, 0, 0], made, 0)
    at, wanted = START + 20 * DAY_MS, Wanted(least=0.1)
    found = sweep(state, HABITS, at, wanted)
    assert [one.record.visitor_id for one in found] == ["rich", "a", "c"]
    assert (found[0].partition, found[0].record.value, found[0].record.orders) == (1, 90.0, 2)
    assert {one.record.as_of for one in found} == {at}
    assert [one.record.visitor_id for one in sweep(state, HABITS, at, wanted._replace(limit=1))] == ["rich"]
    assert sweep(state, HABITS, at, wanted._replace(least=0.9999)) == []
    assert len(sweep(state, HABITS, at, wanted._replace(sessions=1, absent_to=99))) == 5


def test_with_pseudonyms_who_is_older_than_the_secret_is_named_by_pseudonym_too() -> None:
    pseudonymiser = Pseudonyms(b"s" * 40)
    anna, bob = pseudonymiser.visitor(b"anna"), pseudonymiser.visitor(b"bob")
    old, lately, other = (Visitor(last_ts=ts) for ts in (1, 2, 3))
    known = {"anna": old, anna: lately, "bob": other}
    assert _named(known, None) == known
    # Who came back under the pseudonym is not absent.
    assert _named(known, pseudonymiser) == {anna: lately, bob: other}


def test_a_log_judges_who_comes_back(tmp_path) -> None:
    """Every other visitor comes every six days and goes on; the others came on one day and stay away."""
    rows = [
        (f"{number}-{day}", f"v{number}", START + day * DAY_MS + number, "view_item")
        for number in range(200)
        for day in (range(2 * (number % 5), 40, 6) if number % 2 else [number % 20])
    ]
    log, out = tmp_path / "log.parquet", tmp_path / "out.json"
    pl.DataFrame(rows, schema=["event_id", "visitor_id", "ts", "event"], orient="row").write_parquet(log)
    options = ["benchmark", "lapsing", "--events", str(log), "--json", str(out)]
    done = CliRunner().invoke(main, [*options, "--cutoff", str(START + 23 * DAY_MS)])
    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text())["all"]
    assert 0 < found["came_back"] < 1
    assert found["auc"] > max(0.95, found["recency"]["auc"])
    late = CliRunner().invoke(main, [*options, "--cutoff", str(START + 90 * DAY_MS)])
    assert late.exit_code == 1
    assert "both kinds are needed" in late.output
