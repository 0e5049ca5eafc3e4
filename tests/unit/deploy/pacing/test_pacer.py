"""The pacer's steps without a broker: what it grants of an actions file, and how it follows the file."""

from pathlib import Path

import pytest

from deploy.pacing.actions_in_use import ActionsInUse
from deploy.pacing.budget_pacer import Pacer, PacerError
from models.constraints.budget_records import Balance, BudgetSpend, encode
from models.decisions.actions_file import ActionsError
from models.durations import DAY_MS
from streams.config.topics import TopicNames
from tests.offline import worker_settings

NOON = 20_000 * DAY_MS + DAY_MS // 2
TEXT = (
    'placement = "p"\nepsilon = 0.1\n[[actions]]\nname = "none"\nkind = "none"\n'
    '[[actions]]\nname = "ad"\nkind = "ad"\ncost = 1.0\nbudget_per_day = 10.0\n'
)


def pacer(path: Path) -> Pacer:
    return Pacer({}, TopicNames(), "shop", 2, ActionsInUse(worker_settings(actions=path)), 1.0)


def heard(of: Pacer, spent: int, partition: int = 0, at: int = NOON) -> None:
    balance = Balance(10_000, 0, spent, True)
    report = BudgetSpend(partition=partition, at=at, balances={"action:ad/2024-10-04": balance})
    of._spent([(b"0", encode(report))])


def test_half_of_a_days_budget_is_granted_by_noon_and_all_of_yesterdays(tmp_path: Path) -> None:
    path = tmp_path / "actions.toml"
    path.write_text(TEXT)
    one = pacer(path)
    assert one.step() == ([], [])
    one._spent([(b"1", encode(BudgetSpend(partition=1, at=NOON, balances={})))])
    grants, outdated = one.step()
    by_account: dict[str, int] = {}
    for grant in grants:
        by_account[grant.account] = by_account.get(grant.account, 0) + grant.granted
    assert by_account == {"action:ad/2024-10-03": 2_000, "action:ad/2024-10-04": 2_000}
    assert {grant.budget for grant in grants} == {10_000}
    assert outdated == []


def test_a_changed_file_is_used_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "actions.toml"
    path.write_text(TEXT)
    actions = ActionsInUse(worker_settings(actions=path))
    path.write_text(TEXT.replace("10.0", "20.0"))
    assert actions()[0].actions[1].budget_per_day == 20
    path.write_text("placement = 3")
    assert actions()[0].actions[1].budget_per_day == 20
    path.unlink()
    assert actions()[0].actions[1].budget_per_day == 20


def test_a_wrong_file_at_the_start_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "actions.toml"
    path.write_text("placement = 3")
    with pytest.raises(ActionsError, match="placement"):
        ActionsInUse(worker_settings(actions=path))


def test_a_record_that_cannot_be_read_ends_the_pacer_in_words(tmp_path: Path) -> None:
    path = tmp_path / "actions.toml"
    path.write_text(TEXT)
    with pytest.raises(PacerError, match="cannot be read"):
        pacer(path)._granted([(b"k", b"{")])
