"""Win-back: one verifiable decision for each absence; files that a sweep cannot hold to are refused."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from deploy.cluster.lapsing_visitors import State, Wanted, sweep
from models.contract.predictions import LapsingVisitor, WinBack, encode
from models.decisions.actions_file import ActionsError
from models.decisions.verify import verify
from models.durations import DAY_MS
from models.forecasting.lapsing_model import VISITS, LapsingParameters
from models.guidance.win_back import win_back, win_back_policy

TEXT = (Path(__file__).parents[4] / "docs/examples/win_back.toml").read_text()
POLICY = win_back_policy(TEXT)


@pytest.mark.parametrize(
    ("lost", "cart", "preferred"),
    [(0.9, 0, "coupon_15_percent"), (0.9, 30_000, "cart_reminder"), (0.6, 0, "no_offer")],
)
def test_the_file_says_what_is_offered_to_whom(lost: float, cart: int, preferred: str) -> None:
    made = [win_back(POLICY, f"v{number}", 7, lost, cart) for number in range(300)]
    shares = {name: chance for name, chance in made[0]["probabilities"].items() if chance}
    assert max(shares, key=lambda name: shares[name]) == preferred
    assert sum(one["action"] == preferred for one in made) == pytest.approx(300 * shares[preferred], abs=25)
    assert "no_offer" in shares


def test_one_absence_has_one_decision_and_the_next_another() -> None:
    first = win_back(POLICY, "v", 7, 0.9, 0)
    again = win_back(POLICY, "v", 7, 0.95, 0)
    later = win_back(POLICY, "v", 8, 0.9, 0)
    assert (first["decision_id"], first["draw"]) == (again["decision_id"], again["draw"])
    assert first["decision_id"] == "lapsing:v:7:win-back" != later["decision_id"]


def test_a_sweep_gives_each_visitor_a_decision_that_verifies() -> None:
    table = np.zeros(40, VISITS)
    table["first"], table["last"] = 0, DAY_MS * np.arange(1, 41)
    table["sessions"] = table["clicks"] = 3
    table["cart"] = np.where(np.arange(40) % 2, 25_000, 0)
    state = State([f"v{n}" for n in range(40)], [0] * 40, table, 60 * DAY_MS)
    habits = LapsingParameters(shape=-0.3, rate=1.0, lost=-0.5, kept=1.0)
    wanted = Wanted(absent_to=100, least=0.0)
    found = sweep(state, habits, 60 * DAY_MS, wanted, POLICY)
    assert len(found) == 40
    for _, record in found:
        read = msgspec.json.decode(encode(record), type=LapsingVisitor)
        assert isinstance(read.win_back, WinBack)
        assert verify(msgspec.to_builtins(read.win_back), POLICY.actions) == []
        assert read.win_back.context.purchase_probability == pytest.approx(read.lost_probability, abs=1e-4)
    without = sweep(state, habits, 60 * DAY_MS, wanted)
    assert b"win_back" not in encode(without[0].record)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("cost = 5.0", "cost = 5.0\ncaps = { per_day = 1 }", "coupon_15_percent: found caps"),
        ("cost = 5.0", "cost = 5.0\nbudget = 100.0\npacing = 'asap'", "coupon_15_percent: found budget"),
        ('currency = "EUR"', 'holdout = { share = 0.1, salt = "a" }', "the file: found holdout"),
        ('currency = "EUR"', f'do_not_target = ["{"a" * 64}"]', "the file: found do_not_target"),
        ('currency = "EUR"', 'policy = "guidance-rules"', "which a visitor who is away does not have"),
        ('kind = "none"', 'kind = "ad"', "exactly one"),
    ],
)
def test_what_a_sweep_cannot_hold_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(ActionsError, match=said):
        win_back_policy(TEXT.replace(old, new))
