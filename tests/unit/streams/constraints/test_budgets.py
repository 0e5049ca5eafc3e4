"""Budgets in a worker's chunks: nothing beyond the grant, and state, decisions and reports say the same."""

import json
from datetime import UTC, datetime

from models.constraints.balances import decode
from models.constraints.budget_records import BudgetGrant, encode, grant_key, spend_of
from models.state import state_keys
from streams.constraints.grants import Grants
from tests.offline import Offline, records
from tests.unit.streams.pipeline.test_processor import DECISIONS, event

TEXT = (
    'placement = "p"\nepsilon = 0.0\n[[actions]]\nname = "none"\nkind = "none"\n'
    '[[actions]]\nname = "ad"\nkind = "ad"\ncost = 0.5\nbudget = 100\npacing = "asap"\n'
)
ACCOUNT = "action:ad"


def grant(granted: int, recalled: int = 0, budget: int = 100_000, account: str = ACCOUNT) -> BudgetGrant:
    return BudgetGrant(
        account=account, partition=0, granted=granted, recalled=recalled, returned=0, spent=0, budget=budget
    )


def give(offline: Offline, *grants: BudgetGrant) -> None:
    offline.pipeline.grants.apply([(grant_key(one.account, 0), encode(one)) for one in grants])


def clicks(start: int, count: int):
    return records([event(start + n, f"v{n}", start + n) for n in range(count)], start)


def actions_of(offline: Offline, effects) -> list[str]:
    return [one["action"] for one in offline.answers(effects)[DECISIONS]]


def balance(offline: Offline):
    return decode(offline.state.get(state_keys.BUDGETS)).get(ACCOUNT)


def reports(offline: Offline, effects):
    return [spend_of(value) for _, value, _ in effects.routed.get((offline.names.budget_spend, 0), [])]


def test_a_partition_decides_nothing_beyond_its_grant() -> None:
    offline = Offline(actions=TEXT)
    assert actions_of(offline, offline.process(clicks(0, 3))) == ["none"] * 3, "nothing is granted yet"
    give(offline, grant(2_400))
    assert actions_of(offline, offline.process(clicks(10, 3))) == ["ad"] * 3
    assert actions_of(offline, offline.process(clicks(20, 3))) == ["ad", "none", "none"]
    assert (balance(offline).granted, balance(offline).spent) == (2_400, 2_000)


def test_what_is_spent_is_counted_by_flight_and_budget() -> None:
    offline = Offline(actions=TEXT.replace("budget = 100\n", "budget = 100\nbudget_per_day = 50\n"))
    today = f"{ACCOUNT}/{datetime.fromtimestamp(event(0)['ts'] / 1000, UTC).date()}"
    give(offline, grant(2_400), grant(1_600, budget=50_000, account=today))
    for at in (0, 10, 20):
        offline.process(clicks(at, 3))
    spend = offline.metrics.budget_spend
    assert spend.labels(ACCOUNT, "flight")._value.get() == 1.5
    assert spend.labels(ACCOUNT, "day")._value.get() == 1.5
    assert (balance(offline).spent, len(spend.collect()[0].samples)) == (1_500, 4)


def test_repeated_and_older_grants_change_nothing() -> None:
    offline = Offline(actions=TEXT)
    give(offline, grant(1_000), grant(400), grant(1_000))
    assert actions_of(offline, offline.process(clicks(0, 4))).count("ad") == 2
    give(offline, grant(1_000))
    assert actions_of(offline, offline.process(clicks(10, 4))).count("ad") == 0


def test_what_is_recalled_is_returned_in_the_state_and_reported_at_once() -> None:
    offline = Offline(actions=TEXT)
    asked = []
    offline.pipeline.grants.recalled = asked.append
    give(offline, grant(5_000))
    first = offline.process(clicks(0, 2))
    assert [one.balances[ACCOUNT].spent for one in reports(offline, first)] == [1_000]
    give(offline, grant(5_000, recalled=4_500))
    assert asked == [0]
    effects = offline.process([])
    (report,) = reports(offline, effects)
    said = report.balances[ACCOUNT]
    assert (said.granted, said.returned, said.spent) == (5_000, 4_000, 1_000)
    assert balance(offline).returned == 4_000
    assert actions_of(offline, offline.process(clicks(10, 2))) == ["none", "none"]


def test_a_lowered_budget_of_the_file_holds_before_the_allocator_knows_of_it() -> None:
    offline = Offline(actions=TEXT.replace("budget = 100", "budget = 50"))
    give(offline, grant(5_000, budget=100_000))
    assert actions_of(offline, offline.process(clicks(0, 2))) == ["none", "none"]
    give(offline, grant(5_000, budget=50_000))
    assert actions_of(offline, offline.process(clicks(10, 2))) == ["ad", "ad"]


def test_the_state_of_a_restarted_worker_knows_what_was_spent() -> None:
    offline = Offline(actions=TEXT)
    give(offline, grant(1_500))
    offline.process(clicks(0, 2))
    offline.pipeline.closed(0)
    offline.pipeline.opened(0, offline.reader)
    assert actions_of(offline, offline.process(clicks(10, 4))).count("ad") == 1


def test_chunks_that_were_not_applied_spend_nothing() -> None:
    from streams.effects import Work

    offline = Offline(actions=TEXT)
    give(offline, grant(1_000))
    for _ in range(3):
        offline.pipeline.process([Work(0, clicks(0, 2), offline.reader, 0, 0.0)])
    assert actions_of(offline, offline.process(clicks(0, 2))) == ["ad", "ad"]


def test_days_have_accounts_of_their_own_and_the_past_is_closed() -> None:
    text = TEXT.replace('budget = 100\npacing = "asap"', "budget_per_day = 1.0")
    offline = Offline(actions=text)
    first = offline.process(clicks(0, 1))
    ts = offline.answers(first)[DECISIONS][0]["ts"]
    day = datetime.fromtimestamp(ts / 1000, UTC).date()
    give(offline, grant(1_000, budget=1_000, account=f"action:ad/{day}"))
    assert actions_of(offline, offline.process(clicks(10, 3))) == ["ad", "ad", "none"]
    later = records([event(100, "w", 5 * 1440)], 100)
    assert actions_of(offline, offline.process(later)) == ["none"]
    assert set(decode(offline.state.get(state_keys.BUDGETS))) == {f"action:ad/{day}"}
    offline.process(records([event(101, "w", 5 * 1440 + 1)], 101))
    assert decode(offline.state.get(state_keys.BUDGETS)) == {}


def test_a_report_names_the_accounts_that_ran_short() -> None:
    offline = Offline(actions=TEXT)
    (report,) = reports(offline, offline.process(clicks(0, 2)))
    assert report.balances[ACCOUNT].short
    assert report.at > 0


def test_a_file_without_budgets_writes_neither_state_nor_reports() -> None:
    offline = Offline(actions=TEXT.split("cost")[0])
    effects = offline.process(clicks(0, 3))
    assert actions_of(offline, effects) == ["ad"] * 3
    assert offline.names.budget_spend not in {topic for topic, _ in effects.routed}
    assert state_keys.BUDGETS not in offline.state


def test_unreadable_grants_are_left_out_and_deleted_ones_forgotten() -> None:
    grants = Grants()
    grants.apply(
        [(b"a:0", b"{"), (b"f:1", encode(grant(5, account="f")).replace(b'"partition":0', b'"partition":1'))]
    )
    assert list(grants.of(1)) == ["f"]
    grants.apply([(b"f:1", None), (b"g:1", None), (b"\xff", None)])
    assert not grants.of(1)


def test_the_record_of_a_grant_is_json() -> None:
    assert json.loads(encode(grant(5)))["account"] == ACCOUNT
