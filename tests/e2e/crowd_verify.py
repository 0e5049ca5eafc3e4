"""What the state of every partition must be after a crowd has passed, from the logs alone.

Clicks are walked by the oracle, partition by partition, each in a process of its own; what devices of a user
then know of each other is summed up here, from docs/state.md, on a single machine.
"""

from collections import defaultdict, deque
from multiprocessing import get_context

import msgspec

from models.privacy.erasure import FORGET, FORGET_USER
from tests.e2e.chaos_reading import latest, read_all
from tests.e2e.chaos_verify import ACTIONS, Published
from tests.e2e.crowd_sums import joined, summary_of, traits
from tests.e2e.oracle import Partition
from tests.e2e.oracle_offers import Actions
from tests.e2e.oracle_shopper import Rules
from tests.e2e.oracle_state import ANALYTICS, differences, expected, stored

TOLD = 10


def compare(client, names, changelog, crowd):
    """What is wrong, as texts, and figures."""
    context, running = get_context("spawn"), []
    for number in range(crowd.partitions):
        ours, theirs = context.Pipe()
        given = {name: value for name, value in crowd.given.items() if crowd.where(name) == number}
        case = (client, names, changelog, number, given)
        process = context.Process(target=_partition, args=(theirs, case), daemon=True)
        process.start()
        running.append((process, ours))
    devices = defaultdict(dict)
    for number, (_, pipe) in enumerate(running):
        for name, (user, at, summary) in pipe.recv().items():
            devices[user][name] = [number, at, summary]
    users, others = joined(devices, crowd)
    wrong, figures = [], defaultdict(int)
    for number, (process, pipe) in enumerate(running):
        pipe.send((others, {user: one for user, one in users.items() if crowd.where(user) == number}))
        told, counted = pipe.recv()
        wrong += told
        for name, count in counted.items():
            figures[name] += count
        process.join(60)
    figures["users"] = len(users)
    return wrong, dict(figures)


def _partition(pipe, case):
    client, names, changelog, number, given = case
    log = read_all(client, names.clicks, number)
    decode = msgspec.json.Decoder(Published).decode
    decisions = [decode(record.value) for record in read_all(client, names.ad_decisions, number)]
    oracle, requests = walked(log, decisions)
    linked = linked_of(oracle, given)
    pipe.send({name: (one.user_id, one.last_ts, summary_of(one)) for name, one in linked.items()})
    others, users = pipe.recv()
    for name, one in linked.items():
        one.others = others[name]
    wrong = [f"{names.clicks}[{number}]: {one}" for one in _answers(oracle, decisions)]
    state = latest(read_all(client, changelog, number))
    wrong += [f"state[{number}]: {one}" for one in state_differences(state, oracle, users, given)]
    receipts = len(read_all(client, names.erasures, number))
    figures = {"clicks": len(log), "visitors": len(oracle.shoppers), "linked": len(linked)}
    figures |= {"receipts": receipts, "requests": requests, "dead_letters": len(oracle.letters)}
    pipe.send(([*wrong[:TOLD], f"{len(wrong)} in all"] if wrong else [], figures))


def linked_of(oracle, given):
    """The linked visitors by name, once all have what the shop says of them."""
    for name, value in given.items():
        if name.encode() in oracle.shoppers:
            oracle.shoppers[name.encode()].given = traits(value)
    return {key.decode(): one for key, one in oracle.shoppers.items() if one.user_id}


def walked(log, decisions):
    actions = defaultdict(deque)
    for one in decisions:
        actions[one.event_id].append(one.action)
    oracle, requests = Partition(Rules(), Actions(ACTIONS.read_text())), 0
    for record in log:
        asked = {name for name, _ in record.headers}
        if record.value is None:
            requests += 1
            gone = [record.key] if FORGET in asked else []
            if FORGET_USER in asked:
                user = record.key.decode()
                gone = [key for key, one in oracle.shoppers.items() if one.user_id == user]
            for key in gone:
                oracle.shoppers.pop(key, None)
        else:
            oracle.apply(record, lambda name: actions[name].popleft() if actions[name] else None)
    oracle.finish()
    return oracle, requests


def _answers(oracle, decisions):
    got = [(one.visitor_id, one.event_id) for one in decisions]
    right = [(one.visitor_id, one.event_id) for one in oracle.answers]
    return [] if got == right else [f"{len(got)} decisions, expected {len(right)}, or in another order"]


def _without_ends(wanted, state):
    """A session that ends while its visitor is forgotten is counted or not, as chunks are cut."""
    wanted.pop(ANALYTICS)
    for key in wanted.keys() & state.keys():
        if key.startswith(b"pf"):
            found = stored(key, state[key])
            wanted[key] |= {name: found[name] for name in ("ended", "bought")}
        # The oracle is not told which lists were published here; that of the chaos run is.
        elif key.startswith(b"v"):
            wanted[key] |= {"recommended": stored(key, state[key])["recommended"]}
    return wanted


def state_differences(state, oracle, users, given):
    """All keys of visitors, timers, links and panes as ever; users and profiles on top."""
    plain = {key: value for key, value in state.items() if key[:1] in (b"v", b"t", b"p", b"l", b"d")}
    yield from differences(_without_ends(expected(oracle), plain), plain)
    joined = {key: value for key, value in state.items() if key[:1] in (b"u", b"g")}
    wanted = {b"u" + user.encode(): one for user, one in users.items()}
    said = {name: traits(value) for name, value in given.items() if name.startswith("v")}
    wanted |= {b"g" + name.encode(): one for name, one in said.items() if one}
    found = {key: msgspec.msgpack.decode(value) for key, value in joined.items()}
    for key in wanted.keys() | found.keys():
        if wanted.get(key) != found.get(key):
            yield f"{key!r}: expected {wanted.get(key)}, found {found.get(key)}"
