"""A simulated day without Kafka: partitions that stall and lose chunks, an allocator that restarts."""

import json
from collections import defaultdict

from models.constraints.accounts import plans
from models.constraints.allocator import Allocator
from models.constraints.budget_records import encode, grant_key, spend_of
from models.decisions.actions import ActionSet
from streams.constraints import partition_budgets
from streams.effects import Work
from tests.e2e import budget_day
from tests.offline import Offline, Record
from tests.unit.streams.pipeline.test_processor import DECISIONS

CLICKS, SLICES, PARTITIONS = 12_000, 240, 4
#: Partition 2 stalls for these slices, as after a kill; the allocator is away and starts anew after these.
STALL, AWAY = range(70, 82), range(120, 126)


class Day:
    """Partitions of one topic, the topic of grants, and the allocator of now."""

    def __init__(self, text: str) -> None:
        self.actions = ActionSet.load(text)
        self.partitions = [Offline(actions=text, partition=number) for number in range(PARTITIONS)]
        self.allocator = Allocator(PARTITIONS)
        self.grants: list = []
        self.reports: dict[int, bytes] = {}
        self.decisions: list[dict] = []

    def run(self, pairs) -> None:
        waiting: dict[int, list[Record]] = defaultdict(list)
        for number, (key, value) in enumerate(pairs):
            ts = json.loads(value)["ts"]
            waiting[hash_of(key)].append(Record(number, ts, key, value))
            if (number + 1) % (CLICKS // SLICES) == 0:
                self.slice(number * SLICES // CLICKS, waiting)

    def slice(self, at: int, waiting: dict[int, list[Record]]) -> None:
        for number, offline in enumerate(self.partitions):
            if number == 2 and at in STALL:
                continue
            records = waiting.pop(number, [])
            if at % 50 == number:
                # A cycle whose transaction fails: nothing of it may remain.
                work = Work(number, records, offline.reader, offline.watermark, 0.0)
                offline.pipeline.process([work])
                offline.pipeline.closed(number)
                offline.pipeline.opened(number, offline.reader)
            self.commit(number, offline, records)
        if at == AWAY.stop:
            self.restart()
        if at not in AWAY:
            self.allocate()

    def commit(self, number: int, offline: Offline, records: list[Record]) -> None:
        effects = offline.process(records)
        self.decisions += offline.answers(effects).get(DECISIONS, [])
        for _, value, _ in effects.routed.get((offline.names.budget_spend, 0), []):
            self.reports[number] = value

    def allocate(self) -> None:
        for value in self.reports.values():
            self.allocator.note_spend(spend_of(value))
        days = self.allocator.days
        made = self.allocator.step(plans(self.actions.flights, self.actions.actions, days))
        self.grants += made
        pairs = [(grant_key(one.account, one.partition), encode(one)) for one in made]
        for offline in self.partitions:
            offline.pipeline.grants.apply(pairs)

    def restart(self) -> None:
        self.allocator = Allocator(PARTITIONS)
        for grant in self.grants:
            self.allocator.note_grant(grant)


def hash_of(key: bytes) -> int:
    return sum(key) % PARTITIONS


def test_a_day_keeps_to_budgets_caps_paces_and_propensities(monkeypatch) -> None:
    monkeypatch.setattr(partition_budgets, "REPORT_EVERY", 0.0)
    text = budget_day.actions_text(CLICKS)
    day = Day(text)
    day.run(budget_day.day_of_clicks(CLICKS))
    found = day.decisions
    assert len({one["decision_id"] for one in found}) == len(found) == CLICKS
    budget_day.verified(found, [text])
    assert budget_day.check_caps(found, day.actions) > 0.05 * CLICKS
    spent = budget_day.spend(found, day.actions)
    errors = budget_day.pacing_errors(spent, day.actions)
    assert errors["ahead"] < 0.10
    assert next(error for name, error in errors.items() if name.startswith("even/")) < 0.10
    for account, held in day.allocator.accounts.items():
        booked = sum(cost for _, cost in spent[account])
        assert booked >= sum(one.spent for one in held), (
            "the state knows of no other money than the decisions"
        )
    p_value, freedom = budget_day.propensity_p_value(found)
    print(f"p = {p_value:.3f} at {freedom} degrees of freedom")
    assert p_value > 1e-3
