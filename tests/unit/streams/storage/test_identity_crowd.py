"""A crowd that logs in here and there, over partitions without Kafka: any chunks, any order of delivery."""

import json
from collections import defaultdict
from random import Random

import pytest

from streams.transport.routing import home
from tests.e2e.chaos_reading import Record
from tests.e2e.chaos_verify import Published
from tests.e2e.crowd import Crowd
from tests.e2e.crowd_sums import joined, summary_of
from tests.e2e.crowd_verify import linked_of, state_differences, walked
from tests.partitions import START, Partitions

PARTITIONS = 4
#: When all records were sent: a replay is not from the future.
STAMPED_AT = START + 86_400_000 * 10


class Passing:
    """The crowd's records on their way: by partition the log of clicks, and what was decided."""

    def __init__(self, seed, visitors, links):
        self.random, self.crowd = Random(seed), Crowd(seed, visitors, links, PARTITIONS)
        self.shop = Partitions(PARTITIONS)
        self.logs, self.decisions = defaultdict(list), defaultdict(list)
        self.pending = defaultdict(lambda: ([], []))

    def run(self):
        for record in self.crowd.records():
            self.put(record)
            if self.random.random() < 0.05:
                self.flush(self.random.randrange(PARTITIONS))
            if self.random.random() < 0.01:
                self.shop.deliver(self.random)
        for number in range(3):
            for partition in range(PARTITIONS):
                self.flush(partition)
                self.put(self.crowd.last(number, partition))
        for partition in range(PARTITIONS):
            self.flush(partition)
        self.shop.deliver(self.random)

    def put(self, record):
        where = home(record.key, PARTITIONS) if record.partition is None else record.partition
        log = self.logs[where]
        found = Record(len(log), STAMPED_AT, record.key, record.value, record.headers)
        self.pending[where][record.profile].append(found)
        if not record.profile:
            log.append(found)

    def flush(self, partition):
        clicks, profiles = self.pending.pop(partition, ([], []))
        effects = self.shop.at(partition, clicks, profiles=profiles)
        for _, value, _ in effects.outputs.get(self.shop.names.ad_decisions, ()):
            known = json.loads(value)
            self.decisions[partition].append(
                Published(known["event_id"], known["visitor_id"], "", "", 0, action=known["action"])
            )


@pytest.mark.parametrize("seed", range(3))
def test_the_state_is_that_of_a_single_machine(seed):
    passing = Passing(seed, 400, 300)
    passing.run()
    crowd, oracles, devices = passing.crowd, [], defaultdict(dict)
    for number in range(PARTITIONS):
        given = {name: value for name, value in crowd.given.items() if crowd.where(name) == number}
        oracle, _ = walked(passing.logs[number], passing.decisions[number])
        linked = linked_of(oracle, given)
        oracles.append((oracle, linked, given))
        for name, one in linked.items():
            devices[one.user_id][name] = [number, one.last_ts, summary_of(one)]
    users, others = joined(devices, crowd)
    assert sum(one is not None for one in others.values()) > 50
    for number, (oracle, linked, given) in enumerate(oracles):
        for name, one in linked.items():
            one.others = others[name]
        ours = {user: one for user, one in users.items() if crowd.where(user) == number}
        state = passing.shop.all[number].state
        assert list(state_differences(state, oracle, ours, given)) == []
